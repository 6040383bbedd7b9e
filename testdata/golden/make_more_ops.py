"""The operations that make_ops.py leaves out, computed by PyTorch in float64 in the same form: activations, arithmetic, norms, reductions, moving
and resizing, transposed convolutions, dense layers on maps, and the blocks of networks that they are for.

    python3 make_more_ops.py        writes more_ops.safetensors beside this script

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
from make_ops import HERE, INF, NAN, PICTURES, Case, f_pad, pair, sides, window

KEPT = {"eps", "lo", "hi", "start", "stop", "step", "axes"}  # attributes whose zeros mean something


class More(Case):
    def add(self, op, inputs, value, attrs=None):
        name = super().add(op, inputs, value, attrs)
        self.nodes[-1]["attrs"].update({k: v for k, v in (attrs or {}).items() if k in KEPT})
        return name

    def map(self, x, f):
        """f on the value as the graph's layout has it."""
        v = self.value[x]
        return f(v) if self.layout == "NCHW" else f(v.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def act(self, x, kind, f, **attrs):
        return self.add(kind, [x], f(self.value[x]), attrs)

    def clip(self, x, lo=-INF, hi=INF):
        return self.add("Clip", [x], self.value[x].clamp(lo, hi), {k: str(v) if math.isinf(v) else v for k, v in (("lo", lo), ("hi", hi))})

    def prelu(self, x, shared=False):
        name, slope = self.vector("beta", 1 if shared else self.value[x].shape[1])
        return self.add("PReLU", [x], F.prelu(self.value[x], slope), {"slope": name, "shared": shared})

    def arithmetic(self, kind, f, *inputs):
        values = [self.value[x] for x in inputs]
        values = [v[:, :, None, None] if v.ndim == 2 and any(w.ndim == 4 for w in values) else v for v in values]
        y = values[0]
        for v in values[1:]:
            y = f(y, v)
        return self.add(kind, list(inputs), y / len(values) if kind == "Mean" else y)

    def scale(self, x, scale=True, shift=True):
        v, attrs = self.value[x], {}
        for key, role in [("scale", "gamma")] * scale + [("shift", "beta")] * shift:
            attrs[key], t = self.vector(role, v.shape[1])
            v = (v * self.per_channel(v, t)) if key == "scale" else v + self.per_channel(v, t)
        return self.add("Scale", [x], v, attrs)

    def per_channel(self, v, t):
        return t.reshape(-1, *[1] * (v.ndim - 2))

    def constant(self, shape):
        """shape is (C, H, W)."""
        name = f"{len(self.nodes)}.tensor"
        stored = self.stored(shape)
        t = torch.from_numpy(seeded.values(name, stored, "input")).double()
        t = t if self.layout == "NCHW" else t.permute(2, 0, 1)
        return self.add("Constant", [], t.expand(PICTURES, *shape), {"tensor": name, "shape": dict(zip("chw", shape))})

    def gamma_beta(self, c, gamma, beta):
        attrs = {}
        tensors = []
        for key, wanted in (("gamma", gamma), ("beta", beta)):
            t = None
            if wanted:
                attrs[key], t = self.vector(key, c)
            tensors.append(t)
        return attrs, tensors

    def layer_norm(self, x, eps=1e-6, gamma=True, beta=True):
        v = self.value[x]
        attrs, t = self.gamma_beta(v.shape[1], gamma, beta)
        y = F.layer_norm(v.movedim(1, -1), v.shape[1:2], *t, eps).movedim(-1, 1)
        return self.add("LayerNorm", [x], y, {"eps": eps, **attrs})

    def group_norm(self, x, groups, eps=1e-5, gamma=True, beta=True):
        v = self.value[x]
        attrs, t = self.gamma_beta(v.shape[1], gamma, beta)
        return self.add("GroupNorm", [x], F.group_norm(v, groups, *t, eps), {"groups": groups, "eps": eps, **attrs})

    def instance_norm(self, x, eps=1e-5, gamma=True, beta=True):
        v = self.value[x]
        attrs, t = self.gamma_beta(v.shape[1], gamma, beta)
        return self.add("InstanceNorm", [x], F.instance_norm(v, None, None, *t, eps=eps), {"eps": eps, **attrs})

    def normalize(self, x, eps):
        return self.add("L2Normalize", [x], F.normalize(self.value[x], 2, 1, eps), {"eps": eps})

    def lrn(self, x, size, alpha, beta, bias):
        v = self.value[x]  # ONNX: one channel more behind than before where the size is even
        squares = F.pad((v * v)[:, None], (0, 0, 0, 0, (size - 1) // 2, size // 2))
        sums = sum(squares[:, 0, i:i + v.shape[1]] for i in range(size))
        y = v / (bias + alpha / size * sums) ** beta
        if size % 2:
            assert torch.allclose(y, F.local_response_norm(v, size, alpha, beta, bias))
        return self.add("LRN", [x], y, {"size": size, "alpha": alpha, "beta": beta, "bias": bias})

    def log_softmax(self, x):
        return self.add("LogSoftmax", [x], F.log_softmax(self.value[x], 1))

    def reduce(self, x, func, axes, keep):
        v = self.value[x]
        if v.ndim == 2:
            dims = [1]
        else:
            dims = [{"C": 1, "H": 2, "W": 3}[a] for a in axes]
        f = {"Mean": lambda v: v.mean(dims, True), "Sum": lambda v: v.sum(dims, True), "Max": lambda v: v.amax(dims, True), "Min": lambda v: v.amin(dims, True),
             "L1": lambda v: v.abs().sum(dims, True), "L2": lambda v: (v * v).sum(dims, True).sqrt(), "SumSquare": lambda v: (v * v).sum(dims, True),
             "LogSum": lambda v: v.sum(dims, True).log(), "LogSumExp": lambda v: v.logsumexp(dims, True),
             "Prod": lambda v: torch.from_numpy(np.prod(v.numpy(), axis=tuple(dims), keepdims=True))}[func]
        y = f(v)
        name = self.add("Reduce" + func, [x], y, {"axes": axes, "keep_dims": keep})
        if not keep:
            self.value[name] = y.flatten(1)
        return name

    def lp_pool(self, x, p, kernel=None, stride=1):
        v = self.value[x]
        if kernel is None:
            return self.add("LpPool", [x], (v.abs() ** p).sum((2, 3), True) ** (1 / p), {"p": p, "global": True})
        return self.add("LpPool", [x], F.lp_pool2d(v.abs(), p, pair(kernel), pair(stride)), {"p": p, **window(kernel, stride, 0)})

    def pad_mode(self, x, mode, pad, value=0.0, before=0, after=0):
        p = sides(pad)
        if mode == "symmetric":
            y = torch.from_numpy(np.pad(self.value[x].numpy(), ((0, 0), (0, 0), (p["top"], p["bottom"]), (p["left"], p["right"])), "symmetric"))
        else:
            torch_mode = {"edge": "replicate", "wrap": "circular"}.get(mode, mode)
            widths = (p["left"], p["right"], p["top"], p["bottom"])
            if mode == "constant":
                y = F.pad(self.value[x], widths + (before, after), value=value)
            else:
                y = F.pad(self.value[x], widths, torch_mode)
        attrs = {"pad": p, "mode": mode, "value": str(value) if math.isinf(value) else value, "channels_before": before, "channels_after": after}
        return self.add("Pad", [x], y, attrs)

    def slice(self, x, h=slice(None), w=slice(None), c=slice(None)):
        y = self.value[x].numpy()[:, c, h, w].copy()
        spec = {"start": [], "stop": [], "step": []}
        for s in (h, w, c):
            step = s.step or 1
            spec["step"].append(step)
            spec["start"].append(s.start if s.start is not None else (0 if step > 0 else 1 << 19))
            spec["stop"].append(s.stop if s.stop is not None else (1 << 19 if step > 0 else -(1 << 19)))
        return self.add("Slice", [x], torch.from_numpy(y), spec)

    def reshape(self, x, c, h, w):
        shape = (c, h, w) if self.layout == "NCHW" else (h, w, c)
        y = self.map(x, lambda v: v.reshape(PICTURES, *shape))
        return self.add("Reshape", [x], y, {"c": c, "h": h, "w": w})

    def permute(self, x, axes):
        """axes of H, W, C."""
        y = self.value[x].permute(0, 2, 3, 1).permute(0, *[a + 1 for a in axes]).permute(0, 3, 1, 2)
        return self.add("Permute", [x], y, {"axes": axes})

    def shuffle(self, x, groups):
        return self.add("ChannelShuffle", [x], F.channel_shuffle(self.value[x], groups), {"groups": groups})

    def depth_to_space(self, x, b, mode):
        v = self.value[x]
        n, c, h, w = v.shape
        if mode == "CRD":
            y = F.pixel_shuffle(v, b)
        else:
            y = v.reshape(n, b, b, c // b // b, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // b // b, h * b, w * b)
        return self.add("DepthToSpace", [x], y, {"block": b, "mode": mode})

    def space_to_depth(self, x, b, mode):
        v = self.value[x]
        n, c, h, w = v.shape
        if mode == "CRD":
            y = F.pixel_unshuffle(v, b)
        else:
            y = v.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)
        return self.add("SpaceToDepth", [x], y, {"block": b, "mode": mode})

    def resize(self, x, mode, size=None, factor=None, align=False):
        torch_mode = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
        y = F.interpolate(self.value[x], size, factor, torch_mode, align if mode in ("linear", "cubic") else None)
        attrs = {"mode": mode.split("-")[0], "coord": "align_corners" if align else "half_pixel"}
        if mode == "nearest":
            attrs.update(coord="asymmetric", rounding="floor")
        elif mode == "nearest-exact":
            attrs.update(rounding="round_prefer_ceil")
        attrs.update(zip(("h", "w"), size) if size else zip(("scale_h", "scale_w"), factor))
        return self.add("Resize", [x], y, attrs)

    def conv_transpose(self, x, out_c, kernel, stride=1, pad=0, out_pad=0, dilation=1, groups=1, bias=False):
        v = self.value[x]
        weight, w = self.weight(v.shape[1], (out_c // groups, *pair(kernel)))
        b_name, b = self.bias(out_c, bias)
        p = sides(pad)
        # Without padding, with enough behind; then the border is cut off.
        y = F.conv_transpose2d(v, w, b, pair(stride), 0, 0, groups, pair(dilation))
        extra = pair(out_pad)
        y = F.pad(y, (-p["left"], extra[1] - p["right"], -p["top"], extra[0] - p["bottom"]))
        if isinstance(pad, int):
            y = F.conv_transpose2d(v, w, b, pair(stride), pad, extra, groups, pair(dilation))
        else:
            assert extra == [0, 0]
        return self.add("ConvTranspose2D", [x], y, {**window(kernel, stride, pad, dilation), "out_c": out_c, "groups": groups, "weight": weight, "bias": b_name, "out_pad": extra})

    def dense_map(self, x, out, bias=True):
        v = self.value[x]
        weight, w = self.weight(out, (v.shape[1], 1, 1))
        b_name, b = self.bias(out, bias)
        return self.add("Dense", [x], F.conv2d(v, w, b), {"out": out, "weight": weight, "bias": b_name})


FUNCTIONS = {
    "Sigmoid": (torch.sigmoid, {}), "SiLU": (F.silu, {}), "HardSwish": (F.hardswish, {}), "Tanh": (torch.tanh, {}), "GELU": (F.gelu, {}),
    "GELUTanh": (lambda v: F.gelu(v, approximate="tanh"), {}), "Softplus": (F.softplus, {}), "Softsign": (F.softsign, {}), "Mish": (F.mish, {}),
    "HardSigmoid": (F.hardsigmoid, {"alpha": 1 / 6, "beta": 0.5}), "ELU": (F.elu, {"alpha": 1.0}), "CELU": (lambda v: F.celu(v, 0.75), {"alpha": 0.75}),
    "SELU": (F.selu, {"alpha": 1.6732632423543772, "beta": 1.0507009873554805}), "LeakyReLU": (lambda v: F.leaky_relu(v, 0.125), {"alpha": 0.125}),
    "ThresholdedReLU": (lambda v: F.threshold(v, 0.75, 0), {"alpha": 0.75}), "Exp": (torch.exp, {}), "Log": (torch.log, {}), "Sqrt": (torch.sqrt, {}),
    "Abs": (torch.abs, {}), "Neg": (torch.neg, {}), "Erf": (torch.erf, {}), "Reciprocal": (torch.reciprocal, {}), "Floor": (torch.floor, {}), "Ceil": (torch.ceil, {}),
}


def activations():
    wide = [4, -4, 9, -9, 0, 25, -25, 90, -90, 2.5, -2.5, -0.0, 1e-5, -1e-5, 88, -104]
    special = [NAN, INF, -INF, -0.0, 0.0, 1e-45, -1e-45, 3.4e38, -3.4e38]
    for kind, (f, attrs) in FUNCTIONS.items():
        More(kind, (17, 3, 2)).act("input", kind, f, **attrs)
        if kind not in ("Exp",):
            More(kind + " of larger numbers", (17, 4, 3), special=wide).act("input", kind, f, **attrs)
        if kind not in ("HardSwish",):  # PyTorch's own is NaN at -Inf
            More(kind + " of NaN, infinities and zeros", (17, 4, 3), special=special if kind not in ("GELU", "GELUTanh", "Mish", "SiLU") else [NAN, INF, -0.0, 0.0, 3.4e38, -3.4e38]).act("input", kind, f, **attrs)
        c = More(kind + " of a conv and a norm", (5, 4, 3))
        x = c.norm(c.conv("input", 17, 3, pad=1))
        c.act(c.act(x, "Abs", torch.abs) if kind in ("Log", "Sqrt") else x, kind, f, **attrs)
        c.tolerance = 1e-4 if kind in ("Log", "Reciprocal") else 0  # of numbers near 0, whose relative errors are large
    for kind in ("SiLU", "GELU", "HardSwish"):
        f, attrs = FUNCTIONS[kind]
        c = More(kind + " of a large conv with bias, added to", (32, 11, 10))
        x = c.conv("input", 33, 3, pad=1, bias=True)
        c.act(c.sum(x, c.act(x, kind, f, **attrs)), kind, f, **attrs)
        c.tolerance = 5e-6
        c = More(kind + " of a depthwise conv, then dense", (20, 4, 3))
        x = c.act(c.norm(c.conv("input", 20, 3, groups=20, pad=1)), kind, f, **attrs)
        c.act(c.dense(c.flatten(x), 18), kind, f, **attrs)
    c = More("HardSigmoid of Keras 2", (17, 3, 2))
    c.act("input", "HardSigmoid", lambda v: (0.2 * v + 0.5).clamp(0, 1), alpha=0.2, beta=0.5)
    for lo, hi in [(-0.5, 1.25), (-INF, 0.5), (0, INF), (-1, -0.25)]:
        More(f"Clip {lo} {hi}", (17, 3, 2)).clip("input", lo, hi)
    c = More("Clip of a conv", (5, 4, 3))
    c.clip(c.conv("input", 17, 1, bias=True), -0.25, 0.5)
    for shared in (False, True):
        c = More("PReLU" + ", shared" * shared, (17, 3, 2))
        c.prelu("input", shared)
        c = More("PReLU of a conv" + ", shared" * shared, (5, 4, 3))
        c.prelu(c.conv("input", 17, 3, pad=1), shared)


def arithmetic():
    functions = {"Mul": torch.mul, "Add": torch.add, "Sub": torch.sub, "Div": torch.div, "Max": torch.maximum, "Min": torch.minimum, "Mean": torch.add}
    for kind, f in functions.items():
        special = [NAN, INF, -INF, -0.0, 0.0, 1, 2, 3]
        c = More(kind + " of a map and itself in another order", (20, 4, 3))
        c.arithmetic(kind, f, "input", c.slice("input", h=slice(None, None, -1)))
        c = More(kind + " of NaN and infinities", (9, 4, 3), special=special)
        c.arithmetic(kind, f, c.slice("input", w=slice(None, None, -1)), "input")
        for swap in (False, True):
            for what in ("1x1xC", "vector", "HxWx1", "one value", "1xWxC", "Hx1xC", "1xWx1"):
                c = More(f"{kind} of a map and {what}" + ", the other way" * swap, (17, 4, 5))
                x = {
                    "1x1xC": lambda: c.adaptive("input", 1, 1), "vector": lambda: c.adaptive("input", 1, 1, flatten=True),
                    "HxWx1": lambda: c.reduce("input", "Mean", "C", True), "one value": lambda: c.reduce("input", "Sum", "HWC", True),
                    "1xWxC": lambda: c.reduce("input", "Max", "H", True), "Hx1xC": lambda: c.reduce("input", "Mean", "W", True), "1xWx1": lambda: c.reduce("input", "Max", "HC", True),
                }[what]()
                if what == "vector":
                    c.value[x] = c.value[x].reshape(PICTURES, -1)
                c.arithmetic(kind, f, *(("input", x) if not swap else (x, "input")))
    for kind in ("Add", "Mul", "Max", "Min", "Mean"):
        c = More(kind + " of four", (6, 4, 5), layout="NHWC")
        c.arithmetic(kind, functions[kind], "input", c.relu("input"), c.adaptive("input", 1, 1), c.constant((6, 4, 5)))
    c = More("Pow")
    c.arithmetic("Pow", torch.pow, c.act("input", "Abs", torch.abs), c.constant((3, 9, 7)))
    c = More("Pow of negative numbers, whole exponents", (5, 4, 3))
    c.arithmetic("Pow", torch.pow, "input", c.act(c.constant((5, 4, 3)), "Floor", torch.floor))
    c = More("Mul of two vectors")
    x = c.flatten("input")
    c.arithmetic("Mul", torch.mul, c.dense(x, 17), c.dense(x, 17))
    c = More("Mul of a flattened map and one value")
    x = c.flatten("input")
    c.arithmetic("Mul", torch.mul, x, c.dense(x, 1))
    for layout in ("NCHW", "NHWC"):
        for shape in [(6, 4, 5), (6, 1, 1), (1, 4, 5), (1, 1, 1)]:
            c = More("Mul by a constant {}x{}x{} (CxHxW), ".format(*shape) + layout, (6, 4, 5), layout)
            c.arithmetic("Mul", torch.mul, "input", c.constant(shape))
    for args in [{}, dict(shift=False), dict(scale=False)]:
        name = "Scale" + "".join(f", no {k}" for k in args)
        More(name, (20, 3, 2)).scale("input", **args)
        for bias in (False, True):
            c = More(name + " of a conv" + ", biased" * bias, (5, 4, 3))
            c.scale(c.conv("input", 17, 3, bias=bias), **args)
        c = More(name + " of a biased conv that is read again", (5, 4, 3))
        x = c.conv("input", 5, 3, pad=1, bias=True)
        c.sum(c.scale(x, **args), x)
    More("Scale of NaN and infinities", (5, 4, 3), special=[INF, NAN, -INF]).scale("input")


def norms():
    for args in [{}, dict(gamma=False), dict(beta=False), dict(gamma=False, beta=False), dict(eps=1e-3)]:
        name = "".join(f", {k} {v}" for k, v in args.items())
        More("LayerNorm" + name, (20, 3, 2)).layer_norm("input", **args)
        More("InstanceNorm" + name, (20, 3, 2)).instance_norm("input", **args)
        More("GroupNorm" + name, (20, 3, 2)).group_norm("input", 5, **args)
    for c in (1, 7, 16, 33, 96, 200):
        More(f"LayerNorm of {c} channels", (c, 3, 2)).layer_norm("input", eps=1e-5)
    c = More("LayerNorm of a vector", (20, 3, 2), "NHWC")
    c.layer_norm(c.adaptive("input", 1, 1, flatten=True))
    More("LayerNorm of NaN and infinities", (5, 4, 3), special=[INF, NAN, -INF]).layer_norm("input")
    c = More("LayerNorm of exponentials", (20, 3, 2))
    c.layer_norm(c.act("input", "Exp", torch.exp))
    for groups in (1, 2, 20):
        More(f"GroupNorm of {groups}", (20, 5, 4)).group_norm("input", groups)
    c = More("GroupNorm of a conv, then relu", (5, 6, 5), "NHWC")
    c.relu(c.group_norm(c.conv("input", 12, 3, bias=True), 3))
    More("L2Normalize", (20, 3, 2)).normalize("input", 1e-12)
    More("L2Normalize, large eps", (20, 3, 2)).normalize("input", 6.0)
    for layout in ("NCHW", "NHWC"):
        c = More("L2Normalize of a flattened map, " + layout, (6, 4, 3), layout)
        c.flat[c.normalize(c.flatten("input"), 1e-12)] = (6, 4, 3)
        c = More("L2Normalize of a flattened part of a concatenation, " + layout, (6, 4, 3), layout)
        x = c.relu("input")
        y = c.cat("input", x)
        z = c.normalize(c.flatten(x), 1e-12)
        c.flat[z] = (6, 4, 3)
        c.arithmetic("Mul", torch.mul, y, c.dense(z, 12))
    c = More("L2Normalize of a vector")
    c.normalize(c.adaptive("input", 1, 1, flatten=True), 0.0)
    for size in (1, 3, 4, 5, 9):
        More(f"LRN of {size}", (7, 4, 3)).lrn("input", size, 0.5, 0.75, 2.0)
    More("LRN as AlexNet's", (20, 4, 3)).lrn("input", 5, 1e-4, 0.75, 1.0)
    More("LogSoftmax", (17, 3, 2)).log_softmax("input")
    c = More("LogSoftmax of a vector of large numbers", (40, 2, 2), special=[])
    c.log_softmax(c.dense(c.flatten("input"), 30))
    More("LogSoftmax of NaN", (10, 3, 2), special=[2, 3, NAN, 1, -1, 4, 7]).log_softmax("input")


def reductions():
    for func in ("Mean", "Sum", "Max", "Min", "L1", "L2", "SumSquare", "LogSum", "LogSumExp", "Prod"):
        for axes, keep in [("HW", True), ("HW", False), ("C", True), ("HWC", False), ("HWC", True), ("H", True), ("WC", True), ("HC", False), ("WC", False)]:
            if func in ("Prod", "LogSum", "L1", "SumSquare") and axes not in ("HW", "C"):
                continue
            More(f"Reduce{func} of {axes}" + ", kept" * keep, (20, 4, 3)).reduce("input", func, axes, keep)
    for func in ("Max", "Min", "Mean"):
        More(f"Reduce{func} of NaN and infinities", (9, 4, 3), special=[NAN, INF, -INF, 1, 2]).reduce("input", func, "C", True)
    for layout in ("NCHW", "NHWC"):
        c = More("ReduceSum of a flattened map, " + layout, layout=layout)
        c.reduce(c.flatten("input"), "Sum", "HWC", False)
    for p in (1, 2, 3):
        More(f"LpPool of {p}, global", (20, 4, 3)).lp_pool("input", p)
        More(f"LpPool of {p}", (20, 5, 6)).lp_pool("input", p, (2, 3), (1, 2))


def moves():
    for mode in ("constant", "reflect", "edge", "wrap", "symmetric"):
        for pad in (1, (1, 2, 3, 0), (0, 0, 2, 1)):
            More(f"Pad {mode} {pad}", (5, 5, 4)).pad_mode("input", mode, pad)
    for value in (1.5, -INF):
        c = More(f"Pad with {value}, then max", (5, 4, 3))
        c.max_pool(c.pad_mode("input", "constant", (1, 0, 2, 1), value), 3, 2)
    More("Pad with channels of 2", (5, 4, 3)).pad_mode("input", "constant", 1, 2.0, 1, 2)
    More("Pad by -1 and 2", (5, 6, 5)).pad_mode("input", "constant", (-1, 2, 1, -2))
    More("Pad channels by -1 and -2", (5, 3, 4)).pad_mode("input", "constant", 0, 0.0, -1, -2)
    for layout in ("NCHW", "NHWC"):
        shape = (6, 7, 5)
        for name, args in [
            ("of rows", dict(h=slice(1, 5))), ("of columns", dict(w=slice(2, None))), ("of channels", dict(c=slice(1, -1))), ("every second", dict(h=slice(None, None, 2), w=slice(1, None, 2), c=slice(0, 6, 3))),
        ]:
            More(f"Slice {name}, {layout}", shape, layout).slice("input", **args)
        if layout == "NCHW":
            More("Slice backwards", shape).slice("input", h=slice(None, None, -2), w=slice(3, 0, -1), c=slice(None, None, -1))
            More("Slice beyond the ends", shape).slice("input", h=slice(-100, 100), w=slice(-3, -1), c=slice(100, -100, -1))
        for to in [(5, 7, 6), (210, 1, 1), (1, 210, 1), (3, 2, 35), (42, 5, 1)]:
            More("Reshape to {}x{}x{} (CxHxW), ".format(*to) + layout, shape, layout).reshape("input", *to)
        for axes in ([0, 1, 2], [1, 0, 2], [2, 0, 1], [0, 2, 1], [1, 2, 0], [2, 1, 0]):
            More(f"Permute {axes}, {layout}", shape, layout).permute("input", axes)
        for groups in (1, 2, 3, 6):
            More(f"ChannelShuffle {groups}, {layout}", shape, layout).shuffle("input", groups)
    for mode in ("DCR", "CRD"):
        More(f"DepthToSpace 2 {mode}", (12, 3, 4)).depth_to_space("input", 2, mode)
        More(f"DepthToSpace 3 {mode}", (9, 2, 3), "NHWC").depth_to_space("input", 3, mode)
        More(f"SpaceToDepth 2 {mode}", (3, 6, 4)).space_to_depth("input", 2, mode)
        More(f"SpaceToDepth 3 {mode}", (2, 6, 3), "NHWC").space_to_depth("input", 3, mode)
        c = More(f"DepthToSpace of a concatenation {mode}", (4, 3, 4))
        c.depth_to_space(c.cat("input", c.relu("input")), 2, mode)
    for mode in ("nearest", "nearest-exact", "linear", "cubic"):
        for size in [(14, 12), (4, 3), (7, 6), (1, 1), (3, 17), (21, 6)]:
            for align in (False, True) if mode in ("linear", "cubic") else (False,):
                name = f"Resize {mode} 7x6 to {size[0]}x{size[1]}" + ", corners aligned" * align
                More(name, (5, 7, 6)).resize("input", mode, size, align=align)
        for factor in [(2.0, 2.0), (1.5, 0.6)]:
            More(f"Resize {mode} by {factor[0]}, {factor[1]}", (5, 7, 6), "NHWC").resize("input", mode, factor=factor)
    More("Resize linear of 70 channels", (70, 3, 2)).resize("input", "linear", (5, 3))


def transposed():
    for name, shape, args in [
        ("3x3", (5, 4, 3), dict(out_c=6, kernel=3)), ("2x2 stride 2, bias", (5, 4, 3), dict(out_c=17, kernel=2, stride=2, bias=True)), ("4x4 stride 2 padded", (5, 4, 3), dict(out_c=6, kernel=4, stride=2, pad=1)),
        ("3x3 stride 2 padded, 1 more", (5, 4, 3), dict(out_c=6, kernel=3, stride=2, pad=1, out_pad=1)), ("3x3 dilation 2", (5, 4, 3), dict(out_c=6, kernel=3, dilation=2, pad=1)),
        ("2x3 stride 3 1", (5, 4, 3), dict(out_c=6, kernel=(2, 3), stride=(3, 1), pad=1)), ("3 groups", (9, 4, 3), dict(out_c=12, kernel=3, stride=2, groups=3, bias=True)),
        ("depthwise", (20, 4, 3), dict(out_c=20, kernel=3, stride=2, pad=1, groups=20)), ("padded 0 1 2 1", (5, 4, 3), dict(out_c=6, kernel=3, stride=2, pad=(0, 1, 2, 1))),
        ("padded wider than the kernel", (5, 6, 7), dict(out_c=6, kernel=2, stride=2, pad=3)),
    ]:
        More("ConvTranspose " + name, shape).conv_transpose("input", **args)
        if args.get("groups", 1) == 1:
            More("ConvTranspose NHWC " + name, shape, "NHWC").conv_transpose("input", **args)
    c = More("ConvTranspose, norm, relu, add", (5, 4, 3))
    x = c.relu(c.norm(c.conv_transpose("input", 12, 2, 2, bias=True)))
    c.sum(x, c.conv(x, 12, 3, pad=1))
    for layout in ("NCHW", "NHWC"):
        for shape, out in [((5, 4, 3), 17), ((40, 7, 7), 20), ((3, 1, 1), 5)]:
            c = More("Dense on a map {}x{}x{} to {}, ".format(*shape, out) + layout, shape, layout)
            c.relu(c.dense_map("input", out))


def blocks():
    silu, gelu = FUNCTIONS["SiLU"][0], FUNCTIONS["GELU"][0]
    for layout in ("NCHW", "NHWC"):
        c = More("EfficientNet's block, " + layout, (8, 6, 5), layout)
        x = c.act(c.norm(c.conv("input", 24, 1)), "SiLU", silu)
        x = c.act(c.norm(c.conv(x, 24, 3, pad=1, groups=24)), "SiLU", silu)
        s = c.act(c.conv(c.adaptive(x, 1, 1), 6, 1, bias=True), "SiLU", silu)
        s = c.act(c.conv(s, 24, 1, bias=True), "Sigmoid", torch.sigmoid)
        c.sum(c.norm(c.conv(c.arithmetic("Mul", torch.mul, s, x), 8, 1)), "input")
        c = More("ConvNeXt's block, " + layout, (24, 7, 6), layout)
        x = c.layer_norm(c.conv("input", 24, 7, pad=3, groups=24, bias=True))
        x = c.act(c.dense_map(x, 96), "GELU", gelu)
        c.sum("input", c.scale(c.dense_map(x, 24), shift=False))
    c = More("MobileNetV3's block", (8, 6, 5))
    x = c.act(c.norm(c.conv("input", 24, 1)), "HardSwish", F.hardswish)
    x = c.norm(c.conv(x, 24, 5, pad=2, groups=24))
    s = c.relu(c.conv(c.adaptive(x, 1, 1), 8, 1, bias=True))
    s = c.act(c.conv(s, 24, 1, bias=True), "HardSigmoid", F.hardsigmoid, alpha=1 / 6, beta=0.5)
    c.sum(c.norm(c.conv(c.act(c.arithmetic("Mul", torch.mul, x, s), "HardSwish", F.hardswish), 8, 1)), "input")
    c = More("ShuffleNetV2's unit", (20, 6, 5))
    x = c.relu(c.norm(c.conv(c.slice("input", c=slice(10, 20)), 10, 1)))
    x = c.norm(c.conv(x, 10, 3, pad=1, groups=10))
    c.shuffle(c.cat(c.slice("input", c=slice(0, 10)), c.relu(c.norm(c.conv(x, 10, 1)))), 2)
    c = More("ResNeXt's bottleneck, RegNet's squeeze and excitation", (16, 6, 5))
    x = c.relu(c.norm(c.conv("input", 32, 1)))
    x = c.relu(c.norm(c.conv(x, 32, 3, pad=1, groups=8)))
    s = c.act(c.conv(c.relu(c.conv(c.adaptive(x, 1, 1), 4, 1, bias=True)), 32, 1, bias=True), "Sigmoid", torch.sigmoid)
    c.relu(c.sum(c.norm(c.conv(c.arithmetic("Mul", torch.mul, x, s), 16, 1)), "input"))
    for groups, per_group in [(4, 4), (8, 8), (3, 11), (2, 24), (5, 1), (6, 3)]:
        for kernel, stride in [(3, 1), (3, 2), (1, 1)]:
            c = More(f"{groups} groups of {per_group}, {kernel}x{kernel}/{stride}", (groups * per_group, 6, 7))
            c.relu(c.norm(c.conv("input", groups * per_group, kernel, stride, kernel // 2, groups=groups)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        for family in [activations, arithmetic, norms, reductions, moves, transposed, blocks]:
            family()
    tensors = {}
    for c in Case.all:
        y = np.ascontiguousarray(c.expected())
        assert y.dtype == np.float64 and np.isfinite(y).any(), c.name
        tensors[c.name] = y.astype(np.float32)
        if c.special is not None:
            tensors[c.name + ".input"] = c.special
    cases = [{"name": c.name, "graph": c.graph(), "tolerance": c.tolerance} for c in Case.all]
    path = os.path.join(HERE, "more_ops.safetensors")
    safetensors_file.write(path, tensors, {"cases": json.dumps(cases, separators=(",", ":")), "torch": torch.__version__})
    print(f"{len(cases)} cases, {os.path.getsize(path)} bytes")
