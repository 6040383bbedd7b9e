"""Prints one sha256 over all tensors of a checkpoint as PyTorch reads them: each name, a line feed, float32 values; in name order.

    python3 digest.py FILE     # FILE is a trusted state_dict, possibly wrapped
"""
import hashlib
import sys

import torch

state = torch.load(sys.argv[1], map_location="cpu")
state = state.get("state_dict", state)
digest = hashlib.sha256()
for name, tensor in sorted((k.removeprefix("module."), v) for k, v in state.items()):
    digest.update(name.encode() + b"\n" + tensor.float().contiguous().numpy().tobytes())
print(digest.hexdigest())
