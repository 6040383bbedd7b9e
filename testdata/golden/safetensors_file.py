"""A writer for the safetensors format, so that the golden scripts need nothing beyond numpy."""
import json
import os

import numpy as np

DTYPES = {"float64": "F64", "float32": "F32", "float16": "F16"}


def write(path, tensors, metadata):
    """Writes {name: ndarray} and {key: string} to path, atomically; equal input gives equal bytes."""
    header, offset = {"__metadata__": metadata}, 0
    for name, t in tensors.items():
        header[name] = {"dtype": DTYPES[t.dtype.name], "shape": list(t.shape), "data_offsets": [offset, offset + t.nbytes]}
        offset += t.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".tmp", "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        for t in tensors.values():
            f.write(np.ascontiguousarray(t).astype(t.dtype.newbyteorder("<")).tobytes())
    os.replace(path + ".tmp", path)
