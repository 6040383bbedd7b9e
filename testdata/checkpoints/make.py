"""Writes small checkpoints as the frameworks do, and what a reader must find in them (expected.json).

    python3 make.py            # torch 1.13, numpy, safetensors 0.8; no pickle here is safe to load in Python

Equal versions give equal tensors, though not equal bytes: legacy files hold addresses.
"""
import argparse
import json
import os
from collections import OrderedDict

import numpy as np
import safetensors.torch
import torch
from torch import nn

torch.manual_seed(5)
os.chdir(os.path.dirname(os.path.abspath(__file__)))
expected = {}
NAMES = {
    torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}


def describe(tensors):
    return {k: {"dtype": NAMES[t.dtype], "shape": list(t.shape), "values": t.detach().double().flatten().tolist()} for k, t in tensors.items()}


def save(name, content, tensors=None, both=True, **options):
    """Saves content in both formats. tensors is what is to be found: content itself unless said otherwise."""
    for kind, zipped in (("zip", True), ("legacy", False)):
        if both or zipped:
            file = f"{name}.{kind}.pth"
            torch.save(content, file, _use_new_zipfile_serialization=zipped, **options)
            expected[file] = describe(content if tensors is None else tensors)


def state():
    """A state_dict with every element type that can be in one."""
    d = OrderedDict()
    d["conv.weight"] = torch.randn(3, 2, 3, 3)
    d["half"] = torch.randn(4, 5).half()
    d["bfloat"] = torch.randn(7).bfloat16()
    d["double"] = torch.randn(2, 3).double()
    d["scalar"] = torch.tensor(1.5)
    d["empty"] = torch.empty(0, 4)
    d["bn.num_batches_tracked"] = torch.tensor(12345678901)
    d["int"] = torch.tensor([-1, 2], dtype=torch.int32)
    d["short"] = torch.tensor([-300, 2], dtype=torch.int16)
    d["char"] = torch.tensor([-128, 2], dtype=torch.int8)
    d["byte"] = torch.tensor([255, 2], dtype=torch.uint8)
    d["bool"] = torch.tensor([True, False])
    return d


plain = state()
save("bare", plain)
save("bare-protocol4", plain, pickle_protocol=4)
save("module", OrderedDict(("module." + k, v) for k, v in plain.items()))

model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
model(torch.randn(2, 3, 4, 4)).sum().backward()
optimizer.step()
training = {
    "epoch": 7, "arch": "some", "args": argparse.Namespace(lr=0.1, layers=[1, 2], device=torch.device("cpu")),
    "best": np.float64(91.25), "loss": [0.5, 0.25], "size": torch.Size([1, 2]), "array": np.arange(3.0), "dtype": torch.float32, "none": None,
    "seen": {1, 2}, "optimizer": optimizer.state_dict(),
}
save("training", {**training, "state_dict": model.state_dict()}, model.state_dict())
save("model", {**training, "model": {"model_state_dict": model.state_dict()}}, model.state_dict())
save("parameters", dict(model.named_parameters()))

base = torch.arange(120, dtype=torch.float32) / 8
views = OrderedDict()
views["whole"] = base
views["offset"] = base[7:19].view(3, 4)
views["transposed"] = base[:12].view(3, 4).t()
views["every-third"] = base[5:50:3]
views["expanded"] = base[3:6].view(3, 1).expand(3, 4)
views["permuted"] = base.view(2, 3, 4, 5).permute(3, 1, 0, 2)
views["channels-last"] = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
views["half-rows"] = torch.randn(6, 4).half()[::2, 1:3]
views["one"] = base.view(1, 120).t()[:, :1]
views["zero-dim"] = base[77]
views["no-rows"] = base.view(12, 10)[3:3]
save("views", views)

attributed = nn.Parameter(torch.randn(2, 2))
attributed.note = "kept in __dict__"
save("attributes", {"w": attributed})

# What is to be refused.


class Run:
    def __reduce__(self):
        return os.system, ("echo this must never be printed",)


save("hostile", {"w": torch.ones(2), "x": Run()}, {})
save("whole-model", model, {}, both=False)
save("list", [torch.ones(2)], {})
save("nothing", {"epoch": 3, "weights": {"w": torch.ones(2)}}, {})
torch.jit.save(torch.jit.script(nn.Linear(2, 1)), "torchscript.zip.pth")
np.savez("arrays.npz", w=np.ones(2, np.float32))

# safetensors, by its own library.
tensors = {name: (torch.randn(3, 5) * 4).to(dtype) for dtype, name in NAMES.items()}
tensors["scalar"], tensors["empty"] = torch.tensor(0.5), torch.empty(2, 0)
safetensors.torch.save_file(tensors, "all.safetensors", {"format": "pt"})
expected["all.safetensors"] = describe(tensors)

with open("expected.json", "w") as f:
    json.dump(expected, f, indent=0)
    f.write("\n")
