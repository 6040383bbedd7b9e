"""Small HDF5 files of every kind that the reader knows, and what is in them: what hdf5_test.go compares with.

    python3 make.py        writes *.h5.gz and expected.json beside this script

expected.json: file -> path -> {"class", "dims", "sha256" of the little-endian bytes} for datasets, {"names"} for groups, either with
"strings": attribute -> values; lists of strings as their number and the sha256 of them joined by zero bytes. Needs h5py on HDF5 2.0 (made with h5py 3.16).
"""
import gzip
import hashlib
import io
import json
import os

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = ["earliest", "v108", "v110", "v112", "v114", "v200"]
rng = np.random.default_rng(1)


def values(shape, dtype="<f4"):
    return (rng.integers(-100, 100, shape) / 8).astype(dtype) if np.dtype(dtype).kind == "f" else rng.integers(0, 100, shape).astype(dtype)


def types(f):
    g = f.create_group("types")
    for t in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
        for order in "<>":
            g[("big_" if order == ">" else "") + t] = values((3, 5), order + t)
    g["scalar"] = np.float32(1.5)
    g["empty"] = np.zeros((0, 4), "<f4")
    g["bool"] = np.array([True, False, True])
    bfloat = g.create_dataset("bfloat16", data=np.arange(6, dtype="<u2").view("V2"))  # as Keras stores it
    bfloat.attrs["dtype"] = "bfloat16"
    g["fixed"] = np.array([b"abc", b"", b"defgh"])
    g["variable"] = np.array(["abc", "", "d\u00e9fgh"], dtype=h5py.string_dtype())
    custom = h5py.h5t.IEEE_F32LE.copy()
    custom.set_fields(31, 23, 8, 0, 23)
    f["named type"] = np.dtype("<f4")
    g.create_dataset("of named type", (4,), dtype=f["named type"], data=values(4))


def layouts(f):
    g = f.create_group("layouts")
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    data = values((4, 3))
    d = h5py.h5d.create(g.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4, 3)), plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, data)
    g["contiguous"] = values((4, 3))
    g.create_dataset("never written", (4, 3), "<f4")
    g.create_dataset("never written, filled", (4, 3), "<f4", fillvalue=2.5)
    # With the latest versions: one chunk, a fixed array (also in pages), an extensible array (index block, data blocks, super blocks), a B-tree.
    kinds = {"single": dict(shape=(6, 5), chunks=(6, 5)), "fixed": dict(shape=(7, 5), chunks=(2, 3)), "fixed, paged": dict(shape=(1100,), chunks=(1,)),
             "extensible": dict(shape=(3, 5), chunks=(2, 3), maxshape=(None, 5)), "extensible, larger": dict(shape=(700, 2), chunks=(2, 2), maxshape=(None, 2)),
             "btree": dict(shape=(7, 5), chunks=(2, 3), maxshape=(None, None)), "btree, deep": dict(shape=(40, 30), chunks=(1, 2), maxshape=(None, None))}
    filters = {"plain": {}, "deflate": dict(compression=9), "shuffled": dict(compression=4, shuffle=True), "checked": dict(fletcher32=True),
               "lzf": dict(compression="lzf"), "everything": dict(compression="lzf", shuffle=True, fletcher32=True)}
    for kind, k in kinds.items():
        for name, o in filters.items():
            if name not in ("plain", "shuffled") and kind not in ("single", "fixed"):
                continue
            g.create_dataset(f"{kind}, {name}", data=values(k["shape"], "i1" if "paged" in kind else "<f4"), chunks=k["chunks"], maxshape=k.get("maxshape"), **o)
    partly = g.create_dataset("partly written", (9, 9), "<f4", chunks=(2, 4), fillvalue=-1)
    partly[3:5, 2:6] = 7
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_chunk((2, 3))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    d = h5py.h5d.create(g.id, b"implicit", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((7, 5)), early)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, values((7, 5)))
    g.create_dataset("repetitive", data=np.zeros((64, 64), "<f4"), chunks=(64, 64), compression="lzf")


def groups(f):
    g = f.create_group("siblings")
    shared = g.create_group("layer_0_of_a_long_name")
    for i in range(1, 220):
        g[f"layer_{i}_of_a_long_name"] = shared
    g = f.create_group("a/b/c/d")
    g["x"] = values(3)
    f["soft"] = h5py.SoftLink("/a/b")


def attributes(f):
    f.attrs["text"] = "text \u00e9"
    f.attrs["bytes"] = np.bytes_(b"fixed")
    f.attrs["model_config"] = json.dumps({"a": "b" * 70000})
    f.attrs["list"] = [b"a", b"bc", b"", b"def"]
    f.attrs["variable"] = np.array(["a", "bc", "", "d\u00e9f"], dtype=h5py.string_dtype())
    f.attrs["numbers"] = np.arange(4)
    for i, part in enumerate(np.array_split([f"layer_{i}".encode() for i in range(100)], 3)):
        f.attrs[f"layer_names{i}"] = part
    many = f.create_group("many attributes")
    for i in range(60):
        many.attrs[f"attribute {i}"] = f"value {i}"
    tracked = f.create_group("in order", track_order=True)
    for i in range(30):
        tracked[f"{29 - i}"] = np.float32(i)
        tracked.attrs[f"{29 - i}"] = [b"x" * i]


def seed(f):
    for i in range(12):
        f[f"group/{i}"] = np.float32(i)
    f["group"].attrs["layer_names"] = [b"a", b"bcd"]
    f.attrs["model_config"] = "a text"
    f["group"].attrs.update({f"attribute {i}": f"value {i}" for i in range(9)})
    o = dict(compression="lzf", shuffle=True, fletcher32=True)
    f.create_dataset("fixed", data=values((5, 3)), chunks=(2, 2), **o)
    f.create_dataset("growing", data=values((9, 3)), chunks=(2, 2), maxshape=(None, 3), compression=9)
    f.create_dataset("tree", data=values((5, 3)), chunks=(2, 2), maxshape=(None, None))


def digest(strings):
    return f"{len(strings)} {hashlib.sha256(chr(0).join(strings).encode()).hexdigest()}"


def describe(f):
    out = {}

    def strings(o):
        list = {}
        for name in o.attrs:
            try:
                v = o.attrs[name]
            except (TypeError, OSError):
                continue
            v = [v] if isinstance(v, (str, bytes)) else v
            if all(isinstance(x, (str, bytes)) for x in v):
                list[name] = digest([x.decode() if isinstance(x, bytes) else x for x in v])
        return list

    def add(path, o):
        if isinstance(o, h5py.Datatype):
            return
        d = out[path] = {"strings": strings(o)}
        if isinstance(o, h5py.Group):
            d["names"] = digest(sorted(o))
            return
        t = o.dtype
        d["dims"] = list(o.shape)
        if h5py.check_string_dtype(t):
            d["class"] = "string" if h5py.check_string_dtype(t).length else "string of variable length"
            d["values"] = digest([x.decode() for x in o[()]])
            return
        d["class"] = {"f": "float", "i": "signed integer", "u": "unsigned integer", "V": "opaque", "b": "signed integer"}[t.kind]
        d["sha256"] = hashlib.sha256(np.asarray(o[()]).astype(t.newbyteorder("<")).tobytes()).hexdigest()

    add("", f)
    f.visititems(lambda path, o: add(path, o))
    return out


def main():
    expected = {}

    def make(name, parts, **options):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w", **options) as f:
            for part in parts:
                part(f)
        with h5py.File(buffer, "r") as f:
            expected[name] = describe(f)
        with open(os.path.join(HERE, name + ".gz"), "wb") as f:
            f.write(gzip.compress(buffer.getvalue(), 9, mtime=0))

    for v in VERSIONS:
        parts = [types, layouts, groups, attributes]
        make(f"{v}.h5", parts, libver=(v, v if v != "earliest" else "latest"))
    make("userblock.h5", [groups], userblock_size=1024)
    for v in ("earliest", "latest"):  # to begin fuzzing with
        make(f"seed_{v}.h5", [seed], libver=v)
    # An attribute of more than 64 KB, in dense storage.
    make("large_attribute.h5", [lambda f: f.attrs.__setitem__("list", [b"%060d" % i for i in range(2000)])], libver="v110")
    json.dump(expected, open(os.path.join(HERE, "expected.json"), "w"), indent=0, sort_keys=True)


main()
