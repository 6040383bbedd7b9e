"""Dumps of the embedded model by PyTorch, as docs/dump_torch.py makes them, for the tests of `featx verify`.

    python3 make.py

writes embedded.npz beside this script: 2 seeded inputs of 8 x 4, every module. The weights are those of
weights/embedded.safetensors. Needs torch (made with 1.13).
"""
import json
import os
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "docs"), os.path.join(ROOT, "tools", "train")]
from cifar_resnet import CifarResNet  # noqa: E402
from dump_torch import dump  # noqa: E402


def read_safetensors(path):
    data = open(path, "rb").read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    types = {"F32": "<f4", "F16": "<f2"}
    for name, t in header.items():
        if name != "__metadata__":
            begin, end = t["data_offsets"]
            yield name, torch.from_numpy(np.frombuffer(data[8 + size + begin:8 + size + end], types[t["dtype"]]).astype("f4").reshape(t["shape"]))


model = CifarResNet()
model.load_state_dict(dict(read_safetensors(os.path.join(ROOT, "weights", "embedded.safetensors"))), strict=False)
path = os.path.join(HERE, "embedded.npz")
dump(model, torch.randn(2, 3, 8, 4, generator=torch.Generator().manual_seed(0)), path)
arrays = dict(np.load(path))
arrays.pop("layer1"), arrays.pop("layer2")  # the same as their last blocks
np.savez_compressed(path, **arrays)
