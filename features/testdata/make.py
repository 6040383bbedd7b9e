"""Makes the files of this folder: features as NumPy and Python's safetensors write them. Value i of an array is i / 2 - 3."""
import json
import numpy as np
from safetensors.numpy import save_file


def values(dtype, *dims):
    return (np.arange(np.prod(dims)) * 0.5 - 3).astype(dtype).reshape(dims)


names = np.array(["p0", "p1", "p2", "p3", "p4ä"])
np.save("f8.npy", values("<f8", 5, 2, 3))
np.save("big_f2.npy", values(">f2", 5, 4))
np.save("vector.npy", values("<f4", 5))
arrays = {"half": values("<f2", 5, 3), "single": values("<f4", 5, 2, 1, 2), "double": values("<f8", 5)}
np.savez_compressed("deflated.npz", labels=np.arange(5), scale=np.float64(2), paths=names.astype(">U3"), **arrays)
save_file(arrays | {"labels": np.arange(5)}, "foreign.safetensors")
with open("python.jsonl", "w") as f:
    for i, (name, row) in enumerate(zip(names, values("f8", 5, 3).tolist())):
        if i > 1:
            row[0] = [float("nan"), float("inf"), float("-inf")][i - 2]
        json.dump({"features": row, "path": str(name), "note": {"a": [1, "]"]}}, f)
        f.write("\n")
