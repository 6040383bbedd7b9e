"""ncnn, from its own format, written here as its optimiser leaves it: batch normalisation folded, activations fused."""
import numpy as np

from network import channels, is_identity, no_translation, sides

NAME = "ncnn"
FIRST = "every Winograd"
ACTIVATIONS = {"ReLU": " 9=1", "ReLU6": " 9=3 -23310=2,0.0,6.0", "Sigmoid": " 9=4", "HardSwish": f" 9=6 -23310=2,{1 / 6},0.5"}  # that its convolutions and dense layers take in
SIMPLE = {
    "ReLU": ("ReLU", ""), "ReLU6": ("Clip", "0=0.0 1=6.0"), "Sigmoid": ("Sigmoid", ""), "SiLU": ("Swish", ""), "GELU": ("GELU", "0=0"),
    "HardSwish": ("HardSwish", f"0={1 / 6} 1=0.5"), "Add": ("BinaryOp", "0=0"), "Mul": ("BinaryOp", "0=2"),
}


def version():
    import ncnn
    return ncnn.__version__


def settings(threads, batch):
    """Its tiles for Winograd's algorithm are 2x2, 4x4 and 6x6 outputs, and it does not always choose the quickest. It takes one picture at a time: several threads
    share a picture, or each has its own."""
    tiles = ["every Winograd", "Winograd 2x2 only"]
    return tiles + ([t + ", pictures in parallel" for t in tiles] if threads > 1 and batch > 1 else [])


class Session:
    """float32 throughout: no fp16, bf16 or int8; Winograd, SGEMM, packed layout and light mode on; memory from pools, as its own benchmark has it."""

    def __init__(self, folder, threads, batch, setting, pictures, features=False):
        import ncnn
        self.array, self.net = np.array, ncnn.Net()
        o = self.net.opt
        for name in dir(o):
            if name.startswith(("use_fp16", "use_bf16", "use_int8", "use_vulkan")):
                setattr(o, name, False)
            if name.startswith(("use_winograd", "use_sgemm", "use_packing", "lightmode")):
                setattr(o, name, True)
        if "2x2 only" in setting:
            o.use_winograd43_convolution = o.use_winograd63_convolution = False
        self.pool = None
        o.num_threads = threads
        if "pictures in parallel" in setting:
            from concurrent.futures import ThreadPoolExecutor
            self.pool, o.num_threads = ThreadPoolExecutor(threads), 1
        self.memory = ncnn.PoolAllocator(), ncnn.PoolAllocator()
        o.blob_allocator, o.workspace_allocator = self.memory
        name = folder + ("/features" if features else "/model")
        if self.net.load_param(name + ".ncnn.param") or self.net.load_model(name + ".ncnn.bin"):
            raise SystemExit(name + ".ncnn.param: ncnn cannot load it")
        self.inputs = [ncnn.Mat(p).clone() for p in pictures]

    def picture(self, mat):
        e = self.net.create_extractor()
        e.input("input", mat)
        status, out = e.extract("output")
        if status:
            raise SystemExit("ncnn: extract fails")
        return self.array(out).ravel()

    def run(self):
        self.last = list((self.pool.map if self.pool else map)(self.picture, self.inputs))

    def output(self):
        return np.stack(self.last)


def export(network):
    for name, last in network.files.items():
        with open(network.path(name + ".ncnn.param"), "w") as param, open(network.path(name + ".ncnn.bin"), "wb") as binary:
            write(network, last, param, binary)


def write(network, last, param, binary):
    nodes, weights = network.up_to(last), network.weights()
    readers = {}
    for n in nodes:
        for i in n["inputs"]:
            readers.setdefault(i, []).append(n)
    layers = [("Input", "input", [], ["input"], "")]
    blobs = {"input"}
    uses = {}  # value -> names of its copies that are not yet read
    alias = {}  # a fused node's value is that of the node it is fused to

    def define(kind, name, inputs, value, text):
        """Adds a layer that gives a value; a value that several read is split, as ncnn wants it."""
        inputs = [uses[i].pop(0) for i in inputs]
        layers.append((kind, name, inputs, [value], text))
        blobs.add(value)
        split(value, alias_readers(value))

    def alias_readers(value):
        names = [value] + [k for k, v in alias.items() if v == value]
        return sum(len([r for r in readers.get(n, []) if r["name"] not in alias]) for n in names)

    def split(value, count):
        if count > 1:
            copies = [f"{value}_copy{i}" for i in range(count)]
            layers.append(("Split", value + "_split", [value], copies, ""))
            blobs.update(copies)
            uses[value] = list(copies)
        else:
            uses[value] = [value]

    def only_reader(name, ops):
        r = readers.get(name, [])
        return r[0] if len(r) == 1 and r[0]["op"] in ops else None

    def chain(n):
        """The batch normalisation and the activation that a convolution or dense layer takes in; identities pass."""
        norm = only_reader(n["name"], ("BatchNorm",))
        act = only_reader((norm or n)["name"], tuple(ACTIVATIONS))
        return norm, act

    # First what is fused to what, so that readers can be counted.
    for n in nodes:
        if n["op"] in ("Conv2D", "Dense"):
            for other in chain(n):
                if other:
                    alias[other["name"]] = n["name"]
        elif is_identity(network, n) or n["op"] == "Flatten":  # a dense layer flattens by itself
            alias[n["name"]] = alias.get(n["inputs"][0], n["inputs"][0])
    split("input", alias_readers("input"))

    for n in nodes:
        op, a, name = n["op"], n.get("attrs", {}), n["name"]
        inputs = [alias.get(i, i) for i in n["inputs"]]
        if name in alias:
            continue
        top, left, bottom, right = sides(a.get("pad", {}))
        if op in ("Conv2D", "Dense"):
            norm, act = chain(n)
            w = np.asarray(weights[a["weight"]], np.float64)
            b = np.asarray(weights[a["bias"]], np.float64) if a.get("bias") else None
            if norm:
                gamma, beta, mean, var = (np.asarray(weights[norm["attrs"][p]], np.float64) for p in ("gamma", "beta", "mean", "var"))
                scale = gamma / np.sqrt(var + norm["attrs"]["eps"])
                w = w * scale.reshape(-1, *[1] * (w.ndim - 1))
                b = beta + ((b if b is not None else 0) - mean) * scale
            activation = ACTIVATIONS[act["op"]] if act else ""
            vector = network.shapes[n["inputs"][0]][1:] in ([], [1, 1])  # ncnn's pooling leaves no map of one pixel
            if vector and a.get("groups", 1) == 1 and w.size == w.shape[0] * w.shape[1]:
                kind, text = "InnerProduct", f"0={w.shape[0]} 1={int(b is not None)} 2={w.size}{activation}"
            elif op == "Dense":
                kind, text = "Convolution", f"0={a['out']} 1=1 5={int(b is not None)} 6={w.size}{activation}"
            else:
                (kh, kw), (sh, sw), (dh, dw) = a["kernel"], a["stride"], a["dilation"]
                text = (f"0={a['out_c']} 1={kw} 11={kh} 2={dw} 12={dh} 3={sw} 13={sh} 4={left} 14={top} 15={right} 16={bottom}"
                        f" 5={int(b is not None)} 6={w.size}{activation}")
                kind = "Convolution"
                if a["groups"] > 1:
                    kind, text = "ConvolutionDepthWise", text + f" 7={a['groups']}"
            binary.write(b"\0\0\0\0" + w.astype("<f4").tobytes())
            if b is not None:
                binary.write(b.astype("<f4").tobytes())
            define(kind, name, inputs, name, text)
        elif op == "BatchNorm":
            for p in ("gamma", "mean", "var", "beta"):
                binary.write(weights[a[p]].tobytes())
            define("BatchNorm", name, inputs, name, f"0={weights[a['mean']].size} 1={a['eps']}")
        elif op == "Scale":
            binary.write(weights[a["scale"]].tobytes())
            define("Scale", name, inputs, name, f"0={weights[a['scale']].size}")
        elif op == "LayerNorm":  # along the axis that is innermost
            c = network.shapes[n["inputs"][0]][0]
            for p in ("gamma", "beta"):
                binary.write(weights[a[p]].tobytes())
            define("Permute", name + ":hwc", inputs, name + ":hwc", "0=3")
            define("LayerNorm", name + ":norm", [name + ":hwc"], name + ":norm", f"0={c} 1={a['eps']} 2=1")
            define("Permute", name, [name + ":norm"], name, "0=4")
        elif op == "HardSigmoid":
            define("HardSigmoid", name, inputs, name, f"0={a['alpha']} 1={a['beta']}")
        elif op in SIMPLE:
            kind, text = SIMPLE[op]
            define(kind, name, inputs, name, text)
        elif op == "Slice":
            first, end = channels(network, n)
            define("Crop", name, inputs, name, f"-23309=1,{first} -23310=1,{end} -23311=1,0")
        elif op == "ChannelShuffle":
            define("ShuffleChannel", name, inputs, name, f"0={a['groups']}")
        elif op == "Concat":
            define("Concat", name, inputs, name, "0=0")
        elif op == "Softmax":
            define("Softmax", name, inputs, name, "0=0 1=1")
        elif op == "GlobalAvgPool":
            define("Pooling", name, inputs, name, "0=1 4=1")
        elif op in ("MaxPool", "AvgPool") and a["dilation"] == [1, 1]:
            (kh, kw), (sh, sw) = a["kernel"], a["stride"]
            mode = 0 if a.get("ceil") else 1  # ncnn: "full" rounds up, "valid" down
            define("Pooling", name, inputs, name,
                   f"0={int(op == 'AvgPool')} 1={kw} 11={kh} 2={sw} 12={sh} 3={left} 13={top} 14={right} 15={bottom} 5={mode} 6={int(a.get('count_pad', False))}")
        else:
            no_translation(n, "ncnn", __file__)
    value = alias.get(last, last)
    layers.append(("Noop", "output", [value], ["output"], ""))
    blobs.add("output")
    param.write(f"7767517\n{len(layers)} {len(blobs)}\n")
    for kind, name, inputs, outputs, text in layers:
        param.write(f"{kind:24} {name:32} {len(inputs)} {len(outputs)} {' '.join([*inputs, *outputs])} {text}\n")
