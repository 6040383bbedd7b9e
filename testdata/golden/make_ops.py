"""Small graphs of every operation of the engine, computed by PyTorch in float64: what engine/ops_golden_test.go compares with.

    python3 make_ops.py        writes ops.safetensors beside this script

__metadata__.cases is a JSON list of {name, graph, tolerance}: the graph is in the model file's form (engine.Graph), the tolerance 0 where the test's
own holds. The tensor of the case's name holds what the graph's last node gives for two pictures, in the graph's layout: computed in float64 and
rounded to float32, which adds at most 6e-8 of a value. Weights are those of seeded.py with seed 0, and picture i is its input with seed i, drawn in
the graph's layout; where special numbers are in it, the tensor "NAME.input" holds it. Each operation is a call of torch.nn.functional; what that
lacks (padding that differs per side) is written with F.pad.
Needs torch (made with 1.13).
"""
import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

import safetensors_file
import seeded

HERE = os.path.dirname(os.path.abspath(__file__))
PICTURES = 2
SIDES = "top", "left", "bottom", "right"
NAN, INF = float("nan"), float("inf")


def pair(v):
    return [v, v] if isinstance(v, int) else list(v)


def sides(pad):
    """An int, or (top, left, bottom, right)."""
    return dict(zip(SIDES, [pad] * 4 if isinstance(pad, int) else pad))


def f_pad(x, pad, value=0.0):
    p = sides(pad)
    return F.pad(x, (p["left"], p["right"], p["top"], p["bottom"]), value=value)


def window(kernel, stride, pad, dilation=1):
    return {"kernel": pair(kernel), "stride": pair(stride), "dilation": pair(dilation), "pad": {k: n for k, n in sides(pad).items() if n}}


class Case:
    """A graph that is written and computed at once. Methods take the names of nodes and give that of the node they add; values are NCHW."""
    all = []
    tolerance = 0.0

    def __init__(self, name, shape=(3, 9, 7), layout="NCHW", special=()):
        """shape is (C, H, W); the numbers of special stand at regular places of the input."""
        self.name, self.layout, self.shape, self.nodes = name, layout, shape, []
        x = np.stack([seeded.values("input", self.stored(shape), "input", seed) for seed in range(PICTURES)])
        if layout == "NHWC":
            x = x.transpose(0, 3, 1, 2)
        if special:
            assert layout == "NCHW"
            places = x.reshape(-1)[3::7]
            places[:] = np.resize(np.float32(special), places.shape)
        self.special = x if special else None
        self.value = {"input": torch.from_numpy(x).double()}
        self.flat = {}  # node -> shape of the map that was flattened
        assert name not in [c.name for c in self.all], name
        self.all.append(self)

    def stored(self, shape):
        """The shape of a map (C, H, W) in the graph's layout."""
        return shape if self.layout == "NCHW" else (*shape[1:], shape[0])

    def add(self, op, inputs, value, attrs=None):
        name = f"{len(self.nodes)}.{op}"
        node = {"name": name, "op": op, "inputs": inputs, "attrs": {k: v for k, v in (attrs or {}).items() if v or k == "eps"}}
        self.nodes.append(node)
        self.value[name] = value
        return name

    def weight(self, out, inputs):
        """A weight [out][inputs...] by the name that its node has; in NHWC graphs it is stored with out last and channels before it."""
        name = f"{len(self.nodes)}.weight"
        if self.layout == "NCHW":
            return name, torch.from_numpy(seeded.values(name, (out, *inputs), "weight")).double()
        # Role "input" is s * 2, exactly.
        s = seeded.values(name, (*self.stored(inputs), out), "input") / np.float32(2)
        w = s * seeded.weight_scale(inputs)
        return name, torch.from_numpy(w).double().permute(3, 2, 0, 1)

    def vector(self, role, n):
        name = f"{len(self.nodes)}.{role}"
        return name, torch.from_numpy(seeded.values(name, (n,), role)).double()

    def bias(self, n, wanted):
        return self.vector("bias", n) if wanted else ("", None)

    def conv(self, x, out_c, kernel, stride=1, pad=0, dilation=1, groups=1, bias=False):
        v = self.value[x]
        weight, w = self.weight(out_c, (v.shape[1] // groups, *pair(kernel)))
        b_name, b = self.bias(out_c, bias)
        return self.add("Conv2D", [x], F.conv2d(f_pad(v, pad), w, b, stride=pair(stride), dilation=pair(dilation), groups=groups),
                        {**window(kernel, stride, pad, dilation), "out_c": out_c, "groups": groups, "weight": weight, "bias": b_name})

    def norm(self, x, eps=1e-5, gamma=True, beta=True):
        v = self.value[x]
        attrs, t = {"eps": eps}, {}
        for role in ["mean", "var"] + ["gamma"] * gamma + ["beta"] * beta:
            attrs[role], t[role] = self.vector(role, v.shape[1])
        return self.add("BatchNorm", [x], F.batch_norm(v, t["mean"], t["var"], t.get("gamma"), t.get("beta"), eps=eps), attrs)

    def affine(self, x):
        v = self.value[x]
        attrs = {"scale": [0.458 / (i + 1) for i in range(v.shape[1])], "shift": [0.03 * i - 0.088 for i in range(v.shape[1])]}
        scale, shift = (torch.tensor(attrs[k], dtype=torch.float64).reshape(-1, 1, 1) for k in ("scale", "shift"))
        return self.add("Affine", [x], v * scale + shift, attrs)

    def relu(self, x, largest=0):
        if not largest:
            return self.add("ReLU", [x], F.relu(self.value[x]))
        y = F.relu6(self.value[x]) if largest == 6 else F.hardtanh(self.value[x], 0, largest)
        return self.add("ReLU6" if largest == 6 else "ReLU", [x], y, {"max": largest})

    def max_pool(self, x, kernel, stride=None, pad=0, dilation=1, ceil=False):
        v, at = self.value[x], pad
        if not isinstance(pad, int):
            v, at = f_pad(v, pad, -INF), 0
        stride = stride or kernel
        return self.add("MaxPool", [x], F.max_pool2d(v, pair(kernel), pair(stride), at, pair(dilation), ceil), {**window(kernel, stride, pad, dilation), "ceil": ceil})

    def avg_pool(self, x, kernel, stride=None, pad=0, ceil=False, count_pad=False):
        stride = stride or kernel

        def mean(v, pad):
            return F.avg_pool2d(v, pair(kernel), pair(stride), pad, ceil, count_pad)

        v = self.value[x]
        if isinstance(pad, int):
            y = mean(v, pad)
        else:  # both over the whole window; its quotient counts what lies inside
            y = mean(f_pad(v, pad), 0)
            if not count_pad:
                y = y / mean(f_pad(torch.ones_like(v), pad), 0)
        return self.add("AvgPool", [x], y, {**window(kernel, stride, pad), "ceil": ceil, "count_pad": count_pad})

    def adaptive(self, x, out_h, out_w, largest=False, flatten=False):
        y = (F.adaptive_max_pool2d if largest else F.adaptive_avg_pool2d)(self.value[x], (out_h, out_w))
        name = ("Global" if out_h == out_w == 1 else "Adaptive") + ("Max" if largest else "Avg") + "Pool"
        name = self.add(name, [x], y, {"out_h": out_h, "out_w": out_w, "max": largest, "flatten": flatten})
        return self.flattened(name, y) if flatten else name

    def flattened(self, name, y):
        self.flat[name] = y.shape[1:]
        self.value[name] = y.flatten(1)
        return name

    def flatten(self, x):
        return self.flattened(self.add("Flatten", [x], None), self.value[x])

    def dense(self, x, out, bias=True):
        v = self.value[x]
        weight, w = self.weight(out, self.flat.get(x, (v.shape[1], 1, 1)))
        b_name, b = self.bias(out, bias)
        return self.add("Dense", [x], F.linear(v, w.flatten(1), b), {"out": out, "weight": weight, "bias": b_name})

    def sum(self, x, y):
        return self.add("Add", [x, y], self.value[x] + self.value[y])

    def cat(self, *parts):
        return self.add("Concat", list(parts), torch.cat([self.value[p] for p in parts], 1))

    def pad(self, x, pad=0, before=0, after=0):
        p = sides(pad)
        y = F.pad(self.value[x], (p["left"], p["right"], p["top"], p["bottom"], before, after))
        return self.add("Pad", [x], y, {"pad": p, "channels_before": before, "channels_after": after})

    def softmax(self, x):
        return self.add("Softmax", [x], F.softmax(self.value[x], 1))

    def identity(self, x, dropout=False):
        y = F.dropout(self.value[x], 0.5, training=False) if dropout else self.value[x].clone()
        return self.add("Dropout" if dropout else "Identity", [x], y, {"dropout": True} if dropout else None)

    def graph(self):
        c, h, w = self.shape
        return {"arch": "golden", "layout": self.layout, "input": {"h": h, "w": w, "c": c}, "nodes": self.nodes}

    def expected(self):
        last = self.nodes[-1]["name"]
        y = self.value[last].numpy()
        if self.layout == "NHWC" and y.ndim == 4:
            return y.transpose(0, 2, 3, 1)
        if self.layout == "NHWC" and last in self.flat:
            return y.reshape(PICTURES, *self.flat[last]).transpose(0, 2, 3, 1).reshape(PICTURES, -1)
        return y


def convolutions():
    for name, shape, args in [
        ("1x1", (20, 4, 3), dict(out_c=17, kernel=1)),
        ("1x1 one channel in, one out", (1, 6, 5), dict(out_c=1, kernel=1)),
        ("1x1 stride 2", (20, 7, 6), dict(out_c=17, kernel=1, stride=2)),
        ("1x1 padded", (5, 4, 3), dict(out_c=6, kernel=1, pad=1, bias=True)),
        ("1x1 to 40", (20, 3, 2), dict(out_c=40, kernel=1, bias=True)),
        ("3x3", (5, 7, 6), dict(out_c=6, kernel=3)),
        ("3x3 same", (5, 7, 6), dict(out_c=6, kernel=3, pad=1)),
        ("3x3 same, bias", (20, 3, 4), dict(out_c=17, kernel=3, pad=1, bias=True)),
        ("3x3 stride 2", (5, 7, 6), dict(out_c=6, kernel=3, stride=2, pad=1)),
        ("3x3 stride 2, even size", (5, 8, 6), dict(out_c=6, kernel=3, stride=2, pad=1)),
        ("3x3 stride 3", (5, 7, 6), dict(out_c=6, kernel=3, stride=3)),
        ("3x3 stride 2 1", (5, 7, 6), dict(out_c=6, kernel=3, stride=(2, 1), pad=1)),
        ("3x3 stride 1 3", (5, 7, 6), dict(out_c=6, kernel=3, stride=(1, 3), bias=True)),
        ("3x3 dilation 2", (5, 7, 6), dict(out_c=6, kernel=3, dilation=2)),
        ("3x3 dilation 3 2, padded", (5, 7, 6), dict(out_c=6, kernel=3, dilation=(3, 2), pad=2)),
        ("3x3 dilation 1 2, stride 2", (5, 7, 6), dict(out_c=6, kernel=3, dilation=(1, 2), stride=2, pad=1, bias=True)),
        ("3x3 padded on top only", (5, 6, 4), dict(out_c=6, kernel=3, pad=(2, 0, 0, 0))),
        ("3x3 padded on the left only", (5, 6, 4), dict(out_c=6, kernel=3, pad=(0, 1, 0, 0))),
        ("3x3 padded as TensorFlow's same at stride 2", (5, 8, 6), dict(out_c=6, kernel=3, stride=2, pad=(0, 0, 1, 1))),
        ("3x3 padded 1 2 3 0", (5, 6, 4), dict(out_c=6, kernel=3, pad=(1, 2, 3, 0), bias=True)),
        ("3x3 padding wider than the kernel", (3, 2, 2), dict(out_c=4, kernel=3, pad=4, stride=2)),
        ("3x3 on one pixel", (20, 1, 1), dict(out_c=17, kernel=3, pad=1)),
        ("7x7 stride 2 on RGB", (3, 13, 11), dict(out_c=8, kernel=7, stride=2, pad=3)),
        ("3x3 stride 2 on RGB, bias", (3, 9, 7), dict(out_c=8, kernel=3, stride=2, pad=1, bias=True)),
        ("3x3 stride 2 on RGB, unpadded", (3, 13, 11), dict(out_c=5, kernel=3, stride=2)),
        ("5x5 dilation 2 on RGB", (3, 13, 11), dict(out_c=4, kernel=5, dilation=2, pad=2)),
        ("4x4 patches", (3, 12, 8), dict(out_c=20, kernel=4, stride=4, bias=True)),
        ("1x7", (5, 4, 9), dict(out_c=5, kernel=(1, 7), pad=(0, 3, 0, 3))),
        ("7x1", (5, 9, 3), dict(out_c=5, kernel=(7, 1), pad=(3, 0, 3, 0))),
        ("2x2", (4, 5, 5), dict(out_c=6, kernel=2, pad=(1, 0, 0, 1))),
        ("kernel as large as the map", (5, 4, 3), dict(out_c=33, kernel=(4, 3), bias=True)),
        ("kernel as wide as the map, dilated rows", (5, 7, 3), dict(out_c=6, kernel=(3, 3), dilation=(2, 1))),
        ("1x1 of 4100 channels", (4100, 2, 1), dict(out_c=3, kernel=1)),
        ("3x3 of 500 channels", (500, 3, 2), dict(out_c=5, kernel=3, pad=1, bias=True)),
        ("3x3 of 160 channels to 100", (160, 2, 2), dict(out_c=100, kernel=3, pad=1)),
        ("3x3 same, even large map", (2, 18, 16), dict(out_c=2, kernel=3, pad=1)),
        ("2 groups", (6, 6, 5), dict(out_c=10, kernel=3, groups=2, pad=1)),
        ("3 groups, 1x1", (9, 5, 4), dict(out_c=12, kernel=1, groups=3, bias=True)),
        ("4 groups of 5, stride 2", (20, 7, 6), dict(out_c=20, kernel=3, groups=4, stride=2, pad=1)),
        ("depthwise", (20, 4, 3), dict(out_c=20, kernel=3, groups=20, pad=1)),
        ("depthwise stride 2, bias", (20, 7, 6), dict(out_c=20, kernel=3, groups=20, stride=2, pad=(0, 0, 1, 1), bias=True)),
        ("depthwise 5x5 dilation 2", (4, 8, 9), dict(out_c=4, kernel=5, groups=4, dilation=2, pad=4)),
        ("depthwise on RGB, multiplier 2", (3, 7, 6), dict(out_c=6, kernel=3, groups=3, pad=1, bias=True)),
    ]:
        Case("conv " + name, shape).conv("input", **args)
    c = Case("conv of NaN and infinities", shape=(2, 7, 5), special=[1, 2, INF, 0, 3, 4, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, NAN, 1, 2, 3, 4, 5, 6, 7, -INF])
    c.conv("input", 5, 3, pad=1)
    for name, args in [
        ("3x3 padded 0 1 2 1", dict(out_c=6, kernel=3, pad=(0, 1, 2, 1), bias=True)),
        ("3x2 stride 2, 3 groups", dict(out_c=12, kernel=(3, 2), stride=2, groups=3)),
    ]:
        Case("conv NHWC " + name, layout="NHWC").conv("input", **args)


def large_convolutions():
    """3x3 convolutions large enough for Winograd's algorithm, whose transforms round more. Every third pixel is kept, which meets every place of a
    tile of 4x4."""
    first = len(Case.all)
    for name, shape, layout, args in [
        ("same", (32, 11, 10), "NCHW", dict(out_c=32, pad=1)),
        ("unpadded, bias", (40, 12, 14), "NCHW", dict(out_c=33, bias=True)),
        ("padded 0 1 2 1", (33, 10, 9), "NCHW", dict(out_c=32, pad=(0, 1, 2, 1))),
        ("of 200 channels", (200, 10, 10), "NCHW", dict(out_c=32, pad=1)),
        ("same, NHWC", (32, 11, 10), "NHWC", dict(out_c=34, pad=1, bias=True)),
    ]:
        c = Case("conv 3x3 large, " + name, shape, layout)
        c.max_pool(c.conv("input", kernel=3, **args), 1, 3)
    c = Case("conv 3x3 large, norm, add, relu", (32, 11, 10))
    c.max_pool(c.relu(c.sum(c.norm(c.conv("input", 32, 3, pad=1, bias=True)), "input")), 1, 3)
    for c in Case.all[first:]:
        c.tolerance = 5e-6


def norms():
    for name, args in [
        ("affine", {}), ("plain", dict(gamma=False, beta=False)), ("beta only", dict(gamma=False, eps=1e-3)), ("gamma only", dict(beta=False)),
        ("eps 0", dict(eps=0.0)),
    ]:
        Case("norm " + name, (20, 3, 2)).norm("input", **args)
    Case("norm of NaN and infinities", (5, 4, 3), special=[INF, NAN, -INF]).norm("input")
    for name, bias in [("", False), (", biased", True)]:
        c = Case("norm of a conv" + name, (5, 5, 4))
        c.norm(c.conv("input", 17, 3, bias=bias))
    c = Case("norm of a biased conv, read twice", (5, 5, 4))
    x = c.conv("input", 5, 3, pad=1, bias=True)
    c.sum(c.norm(x, eps=1e-3), x)
    c = Case("norm of a biased dense layer", (20, 3, 2))
    c.norm(c.dense(c.flatten("input"), 17))
    c = Case("norm of an input, then conv and relu", (5, 4, 3))
    c.relu(c.conv(c.relu(c.norm("input")), 6, 3, pad=1))


def affines():
    Case("affine", (20, 3, 2)).affine("input")
    c = Case("affine of a biased conv, then add and relu", (5, 4, 3))
    x = c.conv("input", 5, 3, pad=1, bias=True)
    c.relu(c.sum(c.affine(x), x))
    c = Case("affine of an input, then conv", (3, 9, 7), layout="NHWC")
    c.conv(c.affine("input"), 6, 3, pad=1)
    c = Case("norm of an affine", (5, 4, 3))
    c.norm(c.affine("input"))


def activations():
    special = [NAN, INF, -INF, -0.0, 0.0, 1e-45, -1e-45, 6.0, 5.9999995, 6.0000005, 3.4e38, -3.4e38]
    for name, largest in [("relu", 0), ("relu6", 6), ("relu up to 1.5", 1.5)]:
        Case(name, (17, 3, 2)).relu("input", largest)
        Case(name + " of NaN, infinities, -0 and bounds", (17, 4, 3), special=special).relu("input", largest)
        c = Case(name + " of a conv", (5, 4, 3))
        c.relu(c.conv("input", 17, 1, bias=True), largest)
    c = Case("relu of relu6")
    c.relu(c.relu(c.max_pool("input", 2), 6))


def pools():
    for name, args in [
        ("2x2", dict(kernel=2)),
        ("2x2 ceil", dict(kernel=2, ceil=True)),
        ("3x3 stride 2", dict(kernel=3, stride=2, pad=1)),
        ("3x3 stride 2 ceil", dict(kernel=3, stride=2, ceil=True)),
        ("3x3 stride 2 padded, ceil", dict(kernel=3, stride=2, pad=1, ceil=True)),
        ("2x2 stride 3 padded, ceil: the last window would start in the padding", dict(kernel=2, stride=3, pad=1, ceil=True)),
        ("3x3 stride 1", dict(kernel=3, stride=1, pad=1)),
        ("2x3 stride 3 1", dict(kernel=(2, 3), stride=(3, 1))),
        ("1x1 stride 2", dict(kernel=1, stride=2)),
    ]:
        Case("max " + name).max_pool("input", **args)
        if "start" in name or "ceil" in name or "padded" in name or "3x3" in name:
            for counted in [False, True]:
                Case(f"avg {name}" + ", padding counted" * counted).avg_pool("input", count_pad=counted, **args)
        else:
            Case("avg " + name).avg_pool("input", **args)
    for name, args in [
        ("3x3 dilation 2", dict(kernel=3, stride=1, dilation=2)),
        ("3x2 dilation 2 3, padded, ceil", dict(kernel=(3, 2), stride=2, dilation=(2, 3), pad=1, ceil=True)),
        ("3x3 padded 0 0 1 1", dict(kernel=3, stride=2, pad=(0, 0, 1, 1))),
        ("5x3 padded 1 2 3 0", dict(kernel=(5, 3), stride=(2, 1), pad=(1, 2, 3, 0))),
    ]:
        Case("max " + name).max_pool("input", **args)
    for shape, args in [((3, 2, 2), dict(kernel=3, stride=2)), ((3, 4, 7), dict(kernel=(8, 3), stride=(5, 2))), ((3, 1, 2), dict(kernel=4, stride=4, pad=1))]:
        name = "of a window larger than the map, ceil, {}x{}".format(*shape[1:])
        Case("max " + name, shape).max_pool("input", ceil=True, **args)
        for counted in [False, True]:
            Case(f"avg {name}" + ", padding counted" * counted, shape).avg_pool("input", ceil=True, count_pad=counted, **args)
    for pad in [(0, 0, 1, 1), (2, 1, 0, 1)]:
        for counted in [False, True]:
            c = Case("avg 3x3 padded {} {} {} {}".format(*pad) + ", padding counted" * counted)
            c.avg_pool("input", 3, 2, pad=pad, count_pad=counted)
    Case("max of negative numbers, padded", (17, 4, 3), special=[-9]).max_pool(Case.all[-1].pad("input"), 3, 1, pad=1)
    special = [NAN, 1, -INF, INF, 2]
    Case("max of NaN and infinities", special=special).max_pool("input", 2, 1)
    Case("max of -Inf alone", (5, 4, 3), special=[-INF]).max_pool("input", 1, 1)
    Case("max of NaN and infinities, padded", special=special).max_pool("input", 3, 2, pad=1, ceil=True)
    Case("avg of NaN and infinities, padded", special=special).avg_pool("input", 3, 2, pad=1, count_pad=True)
    Case("global max of NaN", (17, 4, 3), special=[NAN, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]).adaptive("input", 1, 1, largest=True)
    Case("max and avg of 40 channels", (40, 3, 4)).cat(Case.all[-1].max_pool("input", 2), Case.all[-1].avg_pool("input", 2))
    for largest in [False, True]:
        name = "adaptive " + ("max" if largest else "avg")
        for h, w in [(3, 2), (4, 5), (9, 7), (11, 5), (1, 7), (2, 1)]:
            Case(f"{name} 9x7 to {h}x{w}").adaptive("input", h, w, largest)
        Case(f"{name} 1x1 to 3x2", (20, 1, 1)).adaptive("input", 3, 2, largest)
        Case(f"{name} 13x11 to 7x7", (3, 13, 11)).adaptive("input", 7, 7, largest)
        Case(f"global {name[9:]} of 40x41", (3, 40, 41)).adaptive("input", 1, 1, largest)
        for flatten in [False, True]:
            Case(f"global {name[9:]}" + ", flattened" * flatten, (20, 9, 7)).adaptive("input", 1, 1, largest, flatten)


def dense_layers():
    for name, shape, out, bias in [
        ("after CHW", (5, 4, 3), 17, True), ("after CHW without bias", (20, 2, 3), 33, False), ("of one pixel", (40, 1, 1), 10, True), ("to one", (3, 5, 4), 1, True), ("of 4800 inputs", (20, 16, 15), 7, True),
    ]:
        for layout in ["NCHW", "NHWC"]:
            c = Case(f"dense {name}, {layout}", shape, layout)
            c.dense(c.flatten("input"), out, bias)
    c = Case("dense, relu, dropout, dense, softmax", (5, 4, 3))
    c.softmax(c.dense(c.identity(c.relu(c.dense(c.flatten(c.max_pool("input", 2)), 20)), dropout=True), 10))
    for layout in ["NCHW", "NHWC"]:
        c = Case("flatten, " + layout, (5, 4, 3), layout)
        c.flatten(c.conv("input", 6, 3))


def joins():
    c = Case("add to itself", (5, 4, 3))
    c.sum("input", "input")
    c = Case("add of NaN and infinities", (5, 4, 3), special=[NAN, INF, -INF, -0.0])
    c.sum("input", c.relu("input"))
    c = Case("add of two convs", (5, 4, 3))
    c.sum(c.conv("input", 17, 3, pad=1, bias=True), c.conv("input", 17, 1))
    c = Case("add of vectors", (5, 4, 3))
    x = c.flatten("input")
    c.relu(c.sum(c.dense(x, 17), c.dense(x, 17, bias=False)))
    c = Case("cat of three", (5, 4, 3))
    c.cat(c.conv("input", 3, 1), "input", c.max_pool("input", 3, 1, pad=1))
    c = Case("cat of the same twice", (5, 4, 3))
    x = c.relu("input")
    c.cat(x, "input", x)
    c = Case("cat of cats, then conv", (5, 4, 3))
    x = c.cat("input", c.relu("input"))
    c.conv(c.cat(x, c.norm(x)), 6, 3, pad=1)
    c = Case("cat of vectors", (5, 4, 3))
    x = c.flatten("input")
    c.softmax(c.cat(c.dense(x, 7), c.dense(x, 3), c.dense(x, 1)))
    c = Case("cat NHWC", (5, 4, 3), "NHWC")
    c.cat("input", c.avg_pool("input", 3, 1, pad=1))
    for name, args in [
        ("1", dict(pad=1)), ("1 2 3 0", dict(pad=(1, 2, 3, 0))), ("channels", dict(before=2, after=3)), ("channels before and right", dict(pad=(0, 0, 0, 2), before=1)), ("nothing", {}),
    ]:
        Case("pad " + name, (5, 4, 3)).pad("input", **args)
    c = Case("pad of infinities, then max", (5, 4, 3), special=[-INF, NAN, -1, -2, -3])
    c.max_pool(c.pad("input", 1), 3, 2)


def softmaxes():
    Case("softmax over channels", (17, 3, 2)).softmax("input")
    Case("softmax over 300 channels", (300, 1, 1)).softmax("input")
    Case("softmax of one channel", (1, 3, 2)).softmax("input")
    Case("softmax of large numbers", (10, 3, 2), special=[1000, -1000, 88, -88, 709, 1e38]).softmax("input")
    Case("softmax of -Inf", (10, 3, 2), special=[-INF, 1, -INF]).softmax("input")
    Case("softmax of NaN and Inf", (10, 3, 2), special=[2, 3, NAN, 1, -1, 4, INF]).softmax("input")
    c = Case("softmax of a vector", (40, 2, 2), "NHWC")
    c.softmax(c.adaptive("input", 1, 1, flatten=True))
    for layout in ["NCHW", "NHWC"]:
        c = Case("identity, " + layout, (5, 4, 3), layout)
        c.identity("input")
    c = Case("dropout", (5, 4, 3))
    c.identity(c.relu("input"), dropout=True)


def blocks():
    for layout in ["NCHW", "NHWC"]:
        c = Case("ResNet's basic block with a projection, " + layout, (6, 8, 6), layout)
        x = c.relu(c.norm(c.conv("input", 10, 3, 2, 1)))
        x = c.norm(c.conv(x, 10, 3, 1, 1))
        c.relu(c.sum(x, c.norm(c.conv("input", 10, 1, 2))))
    c = Case("ResNet's bottleneck", (20, 5, 4))
    x = c.relu(c.norm(c.conv("input", 5, 1)))
    x = c.relu(c.norm(c.conv(x, 5, 3, 1, 1)))
    c.relu(c.sum(c.norm(c.conv(x, 20, 1)), "input"))
    c = Case("ResNet's option-A shortcut", (6, 8, 6))
    x = c.norm(c.conv(c.relu(c.norm(c.conv("input", 12, 3, 2, 1))), 12, 3, 1, 1))
    c.relu(c.sum(x, c.pad(c.max_pool("input", 1, 2), before=3, after=3)))
    c = Case("MobileNetV2's inverted residual", (8, 5, 4))
    x = c.relu(c.norm(c.conv("input", 24, 1)), 6)
    x = c.relu(c.norm(c.conv(x, 24, 3, pad=1, groups=24)), 6)
    c.sum("input", c.norm(c.conv(x, 8, 1)))
    c = Case("Inception's block", (8, 7, 6))
    a = c.relu(c.norm(c.conv("input", 5, 1), eps=1e-3, gamma=False))
    b = c.relu(c.norm(c.conv(c.relu(c.conv("input", 4, 1)), 6, (1, 7), pad=(0, 3, 0, 3)), eps=1e-3, gamma=False))
    c.cat(a, b, c.relu(c.conv(c.avg_pool("input", 3, 1, pad=1), 3, 1, bias=True)))
    c = Case("DenseNet's layers and transition", (6, 6, 6))
    x = "input"
    for _ in range(2):
        x = c.cat(x, c.conv(c.relu(c.norm(c.conv(c.relu(c.norm(x)), 8, 1))), 4, 3, pad=1))
    c.avg_pool(c.conv(c.relu(c.norm(x)), 7, 1), 2)
    c = Case("SqueezeNet's fire module and classifier", (8, 7, 6))
    x = c.relu(c.conv(c.max_pool("input", 3, 2, ceil=True), 3, 1, bias=True))
    x = c.cat(c.relu(c.conv(x, 5, 1, bias=True)), c.relu(c.conv(x, 5, 3, pad=1, bias=True)))
    x = c.relu(c.conv(c.identity(x, dropout=True), 10, 1, bias=True))
    c.softmax(c.flatten(c.adaptive(x, 1, 1)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        for family in [convolutions, large_convolutions, norms, affines, activations, pools, dense_layers, joins, softmaxes, blocks]:
            family()
    tensors = {}
    for c in Case.all:
        y = np.ascontiguousarray(c.expected())
        assert y.dtype == np.float64 and np.isfinite(y).any(), c.name
        tensors[c.name] = y.astype(np.float32)
        if c.special is not None:
            tensors[c.name + ".input"] = c.special
    cases = [{"name": c.name, "graph": c.graph(), "tolerance": c.tolerance} for c in Case.all]
    path = os.path.join(HERE, "ops.safetensors")
    safetensors_file.write(path, tensors, {"cases": json.dumps(cases, separators=(",", ":")), "torch": torch.__version__})
    print(f"{len(cases)} cases, {os.path.getsize(path)} bytes")
