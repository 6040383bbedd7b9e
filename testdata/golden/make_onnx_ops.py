"""ONNX's own conformance cases, where the engine has the operation: what engine/ops_golden_test.go compares with.

    python3 make_onnx_ops.py        writes onnx_ops.safetensors beside this script and says which cases it leaves out, and why

The form is that of make_ops.py; a graph's weights are the tensors "NAME.WEIGHT". The expected values are ONNX's, float32. Poolings of maps of more
than 500 values keep the first channel only, as they do not mix channels. Softmax over other axes than the second, and values of other ranks than
four, are the same numbers as a map or a vector. Needs the package onnx with its data (made with 1.17.0, Apache-2.0, https://github.com/onnx/onnx).
"""
import collections
import json
import math
import os

import numpy as np
import onnx
import onnx.backend.test
from onnx import numpy_helper

import safetensors_file

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(onnx.backend.test.__file__), "data")
FOLDERS = ["node", "pytorch-converted", "pytorch-operator"]
OPS = {"Conv", "BatchNormalization", "Relu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Gemm", "MatMul",
       "Add", "Concat", "Pad", "Flatten", "Softmax", "Identity", "Dropout"}


class Skip(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Skip(why)


def load(path):
    with open(path, "rb") as f:
        return numpy_helper.to_array(onnx.TensorProto.FromString(f.read()))


def window(attrs, shape, kernel):
    """The window of a pooling or convolution over a map of shape (H, W)."""
    stride, dilation, pads = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1]), attrs.get("pads", [0] * 4)
    auto = attrs.get("auto_pad", b"NOTSET").decode()
    if auto.startswith("SAME"):
        total = [max(0, (math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n) for n, k, s, d in zip(shape, kernel, stride, dilation)]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = small + large if auto == "SAME_UPPER" else large + small
    return {"kernel": list(kernel), "stride": list(stride), "dilation": list(dilation), "ceil": bool(attrs.get("ceil_mode", 0)),
            "pad": dict(zip(["top", "left", "bottom", "right"], pads))}


class Case:
    def __init__(self, name, model, inputs, expected):
        need(len(model.graph.output) == 1, "several outputs")
        self.name, self.nodes, self.weights, self.layout = name, [], {}, "NCHW"
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        given = [i.name for i in model.graph.input if i.name not in self.constants]
        for i, value in zip(given[1:], inputs[1:]):
            self.constants[i] = value
        x, y = inputs[0], expected
        need(x.dtype == np.float32, f"{x.dtype} input")
        first = model.graph.node[0]
        if first.op_type == "Softmax":
            axis = next((a.i for a in first.attribute if a.name == "axis"), -1) % x.ndim
            n, c = math.prod(x.shape[:axis]), x.shape[axis]
            x = x.reshape(n, c, -1, 1) if axis < x.ndim - 1 else x.reshape(n, c)
            y = y.reshape(x.shape)
        elif first.op_type in ["Relu", "Identity", "Dropout"] and x.ndim == 3:
            x, y = x[None], y[None]
        if "Pool" in first.op_type and x.ndim == 4 and x[0, 0].size > 500:
            x, y = x[:, :1], y[:, :1]
        need(x.ndim in [2, 4], f"rank {x.ndim}")
        need(x.size < 20000, "too large to be committed")
        self.x, self.y, self.values = x, y, {given[0]: "input"}
        self.shape = x.shape[1:] if x.ndim == 4 else (x.shape[1], 1, 1)
        if x.ndim == 2:
            self.values[given[0]] = self.add("Flatten", ["input"])
        for node in model.graph.node:
            self.translate(node)

    def add(self, op, inputs, attrs=None):
        name = f"{len(self.nodes)}.{op}"
        self.nodes.append({"name": name, "op": op, "inputs": inputs, "attrs": attrs or {}})
        return name

    def weight(self, node, i, shape=None):
        """The i-th input as a weight's name; "" if there is none."""
        if i >= len(node.input) or not node.input[i]:
            return ""
        value = self.constants[node.input[i]]
        if shape is not None:
            need(value.size == math.prod(shape), "a bias that is no vector")
            value = value.reshape(shape)
        self.weights[node.input[i]] = value
        return node.input[i]

    def translate(self, node):
        op, a = node.op_type, {x.name: onnx.helper.get_attribute_value(x) for x in node.attribute}
        if op == "Constant":
            self.constants[node.output[0]] = numpy_helper.to_array(a["value"])
            return
        data = [self.values[i] for i in node.input if i in self.values]
        need(op in ["Add", "Concat"] or len(data) == 1, "computed weights")
        need(op not in ["Add", "Concat"] or len(data) == len(node.input) > 1, "several inputs")
        # Only a case's first node has a window, so that it sees the input's shape.
        spatial = self.shape[1:]
        if "Pool" in op or op == "Conv":
            need(not self.nodes, "a window behind another operation")
        if op == "Conv":
            w = self.constants[node.input[1]]
            attrs = {**window(a, spatial, w.shape[2:]), "out_c": w.shape[0], "groups": a.get("group", 1),
                     "weight": self.weight(node, 1), "bias": self.weight(node, 2)}
            out = self.add("Conv2D", data, attrs)
        elif op == "MaxPool":
            need(not a.get("storage_order"), "column-major indices")
            out = self.add("MaxPool", data, window(a, spatial, a["kernel_shape"]))
        elif op == "AveragePool":
            w = window(a, spatial, a["kernel_shape"])
            need(w["dilation"] == [1, 1], "the engine has no dilated mean")
            out = self.add("AvgPool", data, {**w, "count_pad": bool(a.get("count_include_pad", 0))})
        elif op in ["GlobalAveragePool", "GlobalMaxPool"]:
            largest = op == "GlobalMaxPool"
            out = self.add("GlobalMaxPool" if largest else "GlobalAvgPool", data, {"out_h": 1, "out_w": 1, "max": largest})
        elif op == "Dropout":
            need(len(node.input) < 3 or not self.constants[node.input[2]], "training")
            out = self.add("Dropout", data, {"dropout": True})
        elif op == "BatchNormalization":
            need(not a.get("training_mode"), "training")
            gamma, beta, mean, var = (self.weight(node, i) for i in range(1, 5))
            out = self.add("BatchNorm", data, {"eps": a.get("epsilon", 1e-5), "gamma": gamma, "beta": beta, "mean": mean, "var": var})
        elif op in ["Gemm", "MatMul"]:
            need(a.get("alpha", 1) == 1 and a.get("beta", 1) == 1 and not a.get("transA"), "a scaled or transposed operand")
            w = self.constants[node.input[1]]
            need(w.ndim == 2, "a stack of matrices")
            self.layout = "NCHW" if a.get("transB") else "NHWC"  # [out][in] or [in][out]
            n = w.shape[0] if a.get("transB") else w.shape[1]
            out = self.add("Dense", data, {"out": n, "weight": self.weight(node, 1), "bias": self.weight(node, 2, [n])})
        elif op == "Pad":
            pads = a.get("pads") or [int(p) for p in self.constants[node.input[1]]]
            value = a.get("value", 0) or (len(node.input) > 2 and self.constants[node.input[2]].item())
            need(a.get("mode", b"constant") == b"constant" and not value, "padding that is not zero")
            need(len(node.input) < 4 and len(pads) == 8 and min(pads) >= 0 and not pads[0] and not pads[4], "padding of other axes")
            attrs = {"pad": {"top": pads[2], "left": pads[3], "bottom": pads[6], "right": pads[7]}, "channels_before": pads[1], "channels_after": pads[5]}
            out = self.add("Pad", data, attrs)
        elif op == "Flatten":
            need(a.get("axis", 1) == 1 and self.x.ndim == 4, "another axis, or nothing to flatten")
            out = self.add("Flatten", data)
        elif op == "Concat":
            need(a["axis"] == 1, "another axis")
            out = self.add("Concat", data)
        else:
            out = self.add({"Relu": "ReLU"}.get(op, op), data)
        self.values[node.output[0]] = out

    def graph(self):
        c, h, w = self.shape
        return {"arch": "onnx", "layout": self.layout, "input": {"h": h, "w": w, "c": c}, "nodes": self.nodes}


def read(folder, name):
    path = os.path.join(DATA, folder, name)
    model = onnx.load(os.path.join(path, "model.onnx"))
    need(all(n.op_type in OPS | {"Constant"} for n in model.graph.node), "")  # said of no case: most are other operations
    need(all(i.type.HasField("tensor_type") for i in model.graph.input), "inputs that are no tensors")
    sets = os.path.join(path, "test_data_set_0")
    need(os.path.exists(os.path.join(sets, "output_0.pb")), "no data")
    inputs = sorted(f for f in os.listdir(sets) if f.startswith("input_"))
    need(inputs, "no input")
    return Case(name[len("test_"):], model, [load(os.path.join(sets, f)) for f in inputs], load(os.path.join(sets, "output_0.pb")))


if __name__ == "__main__":
    cases, left_out, seen = [], collections.defaultdict(list), set()
    for folder in FOLDERS:
        for name in sorted(os.listdir(os.path.join(DATA, folder))):
            try:
                c = read(folder, name)
            except Skip as reason:
                left_out[str(reason)].append(name[len("test_"):])
                continue
            key = json.dumps(c.graph()) + str(c.x.tobytes())
            if key in seen:  # "_expanded" cases and the like
                left_out["the same as another"].append(c.name)
                continue
            seen.add(key)
            cases.append(c)
    tensors = {}
    for c in cases:
        tensors[c.name], tensors[c.name + ".input"] = c.y, c.x
        tensors.update({f"{c.name}.{n}": w for n, w in c.weights.items()})
    path = os.path.join(HERE, "onnx_ops.safetensors")
    listed = [{"name": c.name, "graph": c.graph()} for c in cases]
    origin = f"github.com/onnx/onnx {onnx.__version__}, Apache-2.0"
    safetensors_file.write(path, tensors, {"cases": json.dumps(listed, separators=(",", ":")), "origin": origin})
    for reason in sorted(filter(None, left_out)):
        print(f"left out, {reason}: {' '.join(left_out[reason])}")
    print(f"{len(cases)} cases, {os.path.getsize(path)} bytes: {' '.join(c.name for c in cases)}")
