"""What the peers share: a network's folder, with featx's graph (network.json), its seeded weights (weights.safetensors) and a picture."""
import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(os.path.dirname(os.path.dirname(HERE)), "testdata", "golden")


class Network:
    """The graph that netbench printed, with weights that are mapped from the file."""

    def __init__(self, folder, features=False):
        self.folder = folder
        with open(self.path("network.json")) as f:
            about = json.load(f)
        self.graph, self.params, self.shapes = about["graph"], about["params"], about["shapes"]
        self.nodes = self.graph["nodes"]
        if self.graph["layout"] != "NCHW":
            sys.exit(f"{self.graph['arch']}: only networks in PyTorch's layout can be given to other engines")
        self.files = {"model": self.nodes[-1]["name"]}  # what is exported: file name without ending -> last layer
        if features:
            self.files["features"] = self.graph["features"]

    def path(self, name):
        return os.path.join(self.folder, name)

    def up_to(self, name):
        """The nodes that come before the named one, and itself."""
        names = [n["name"] for n in self.nodes]
        return self.nodes[:names.index(name) + 1]

    def is_map(self, name):
        return len(self.shapes[name]) == 3

    def pixelwise(self):
        """The nodes that frameworks compute on NHWC maps, as PyTorch's ConvNeXt does: layer norm, dense layers, and functions between them."""
        found = set()
        for n in self.nodes:
            first = n["inputs"][0]
            if n["op"] in ("LayerNorm", "Dense") and self.is_map(first) or n["op"] == "GELU" and first in found:
                found.add(n["name"])
        return found

    def input_shape(self, batch):
        i = self.graph["input"]
        return (batch, i["c"], i["h"], i["w"])

    def pictures(self, batch):
        """NCHW float32; picture i is drawn with seed i, as netbench does."""
        seeded = golden("seeded")
        return np.concatenate([seeded.network_input(self.input_shape(1), seed) for seed in range(batch)])

    def stored(self):
        """The tensors' places in weights.safetensors: name -> (offset in the file, bytes, shape)."""
        with open(self.path("weights.safetensors"), "rb") as f:
            size = int.from_bytes(f.read(8), "little")
            header = json.loads(f.read(size))
        header.pop("__metadata__", None)
        return {k: (8 + size + v["data_offsets"][0], v["data_offsets"][1] - v["data_offsets"][0], v["shape"]) for k, v in header.items()}

    def weights(self):
        """name -> float32 array, read-only."""
        path = self.path("weights.safetensors")
        return {k: np.memmap(path, "<f4", "r", offset, tuple(shape)) for k, (offset, _, shape) in self.stored().items()}

    def write_weights(self):
        """weights.safetensors in PyTorch's names, and picture.npy."""
        seeded, safetensors_file = golden("seeded"), golden("safetensors_file")
        roles = {}
        for n in self.nodes:
            gain = seeded.gain(self.graph["arch"]) if n["op"] == "BatchNorm" else 1
            for role, name in params(n).items():
                roles[name] = {"scale": "gamma"}.get(role, role), gain if role == "gamma" else 1
        tensors = {}
        for p in self.params:
            role, gain = roles[p["tensor"]]
            tensors[p["tensor"]] = seeded.values(p["tensor"], tuple(p["shape"]), role, gain=gain)
        safetensors_file.write(self.path("weights.safetensors"), tensors, {})
        np.save(self.path("picture.npy"), self.pictures(1))


def golden(module):
    """A module of testdata/golden, where the seeded weights are defined."""
    if GOLDEN not in sys.path:
        sys.path.insert(0, GOLDEN)
    return __import__(module)


def params(node):
    """The names of a node's tensors by their roles, in the order in which ONNX wants them."""
    a = node.get("attrs", {})
    return {r: a[r] for r in ("weight", "bias", "gamma", "beta", "mean", "var", "scale") if isinstance(a.get(r), str)}  # HardSigmoid's beta is a number


def sides(pad):
    return [pad.get(side, 0) for side in ("top", "left", "bottom", "right")]


def is_identity(network, node):
    """An adaptive pooling to the size that the map has anyway, dropout, ..."""
    a = node.get("attrs", {})
    if node["op"] == "AdaptiveAvgPool":
        return [a["out_h"], a["out_w"]] == network.shapes[node["inputs"][0]][-2:]
    return node["op"] in ("Identity", "Dropout")


def channels(network, node):
    """The first channel that a Slice takes, and the one behind the last."""
    (y0, x0, c0), (y1, x1, c1), step = (node["attrs"][k] for k in ("start", "stop", "step"))
    if any((y0, x0, y1, x1)) or any(s not in (0, 1) for s in step):
        no_translation(node, "a slice of channels", __file__)
    return c0, c1 or network.shapes[node["inputs"][0]][0]


def no_translation(node, to, file):
    sys.exit(f"{node['name']}: {node['op']} has no translation to {to} here: add it to {os.path.basename(file)}")
