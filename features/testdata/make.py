"""Makes the files of this folder: features as NumPy and Python's safetensors write them. Value i of an array is i / 2 - 3."""
import json
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
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

# Tables: pandas's own way, and columns of each type of list and number.
lists = {name: list(a.reshape(5, -1)) for name, a in arrays.items()}
pd.DataFrame({"label": range(5), "path": names, "single": lists["single"], "double": lists["double"]}).to_parquet("pandas.parquet")
types = {"half": pa.list_(pa.float16()), "single": pa.large_list(pa.float32()), "double": pa.list_(pa.float64(), 1)}
table = pa.table({"label": pa.array(names), **{name: pa.array(lists[name], type) for name, type in types.items()}})
pyarrow.parquet.write_table(table, "types.parquet", row_group_size=2, compression="snappy")
pyarrow.feather.write_feather(table.append_column("path", pa.array(names)), "types.feather", chunksize=2)  # compressed with LZ4
with pa.ipc.new_file("types.arrow", table.schema) as f:
    f.write_table(table.slice(0, 3))
    f.write_table(table.slice(3, 2))
pyarrow.parquet.write_table(pa.table({"x": [[1.0], [2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0]]}), "ragged.parquet")
pyarrow.parquet.write_table(pa.table({"x": [[1.0, 2.0], [None, 3.0]]}), "nulls.parquet")
pyarrow.feather.write_feather(pa.table({"x": [[1.0], [2.0, 3.0, 4.0]]}), "ragged.feather")
