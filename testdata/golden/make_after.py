"""Features of ship.jpg by torchvision's pipeline and PyTorch, pooled, averaged over crops and flips, and normalised, for the embedded model.

    python3 make_after.py

writes after.json: a list of cases. Resize and crops are torchvision's (Resize, CenterCrop, FiveCrop, TenCrop, hflip of the resized picture), the network is float64,
`gem` is (mean of max(x, 1e-6)^3)^(1/3), views are averaged after pooling, `l2` is torch.nn.functional.normalize of the whole row.
Sizes are such that the centre of a flipped picture is not the flipped centre. Needs torch, torchvision and Pillow (made with 1.13, 0.14 and 9.4).
"""
import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import functional as TF

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "train"))
from cifar_resnet import CifarResNet  # noqa: E402

RESIZE, SIZE = 41, 31


def read_safetensors(path):
    data = open(path, "rb").read()
    size = int.from_bytes(data[:8], "little")
    for name, t in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = t["data_offsets"]
            kind = {"F32": "<f4", "F16": "<f2"}[t["dtype"]]
            yield name, torch.from_numpy(np.frombuffer(data[8 + size + begin:8 + size + end], kind).astype("f4").reshape(t["shape"]))


def views(picture, crop, flip):
    if crop == "ten":
        return T.TenCrop(SIZE)(picture)
    cut = T.FiveCrop(SIZE) if crop == "five" else lambda p: (T.CenterCrop(SIZE)(p),)
    return [*cut(picture), *(cut(TF.hflip(picture)) if flip else ())]


POOLS = {
    "none": lambda x: x,
    "flatten": lambda x: x.flatten(1),
    "avg": lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "max": lambda x: F.adaptive_max_pool2d(x, 1).flatten(1),
    "gem": lambda x: F.adaptive_avg_pool2d(x.clamp(min=1e-6) ** 3, 1).flatten(1) ** (1 / 3),
}


def main():
    torch.set_num_threads(1)
    model = CifarResNet()
    model.load_state_dict(dict(read_safetensors(os.path.join(ROOT, "weights", "embedded.safetensors"))), strict=False)
    model.double().eval()
    taps = {}
    for layer in ("layer2", "layer3"):
        getattr(model, layer).register_forward_hook(lambda m, x, y, layer=layer: taps.__setitem__(layer, y))
    picture = T.Resize(RESIZE)(Image.open(os.path.join(ROOT, "testdata", "images", "ship.jpg")).convert("RGB"))
    prepare = T.Compose([T.ToTensor(), T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    cases = []
    for crop, flip, layer, pool, l2 in [
        *[("center", False, "layer3", pool, False) for pool in POOLS],
        *[("center", False, layer, pool, True) for pool in ("avg", "gem") for layer in ("layer2", "layer3")],
        ("center", False, "layer3", "none", True),
        *[(crop, flip, "layer3", pool, l2) for crop, flip in (("center", True), ("five", False), ("five", True), ("ten", False)) for pool, l2 in (("avg", False), ("gem", True))],
        ("ten", False, "layer3", "flatten", False),
    ]:
        with torch.no_grad():
            model(torch.stack([prepare(v) for v in views(picture, crop, flip)]).double())
        row = POOLS[pool](taps[layer]).mean(0)
        if l2:
            row = F.normalize(row.flatten(), dim=0).reshape(row.shape)
        cases.append({"crop": crop, "flip": flip, "layer": layer, "pool": pool, "l2": l2, "dims": list(row.shape), "features": [float(f"{v:.9g}") for v in row.flatten().tolist()]})
    with open(os.path.join(HERE, "after.json"), "w") as f:
        json.dump({"resize": RESIZE, "size": SIZE, "cases": cases}, f, separators=(",", ":"))
        f.write("\n")


main()
