"""make interop: what featx writes, read back with the libraries that people read it with.

featx extracts layers of a few pictures (one of them is broken, one has a name that is not UTF-8) into every format and type, in one file and in several. Numbers, paths,
numbers of inputs and provenance must be those that featx prints as JSON Lines; float16 must be NumPy's rounding of them. The packages come from pip, into an
environment outside of the repository, unless this Python has them.
"""
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "featx-interop")
PACKAGES = ["numpy", "pandas", "pyarrow", "duckdb", "polars", "safetensors"]
LAYERS = ["layer1", "layer3.2", "avgpool"]
PICTURES = ["ship.jpg", "420-53x37.jpg", "grey8.png", "rgba16.png", "cmyk-adobe-53x37.jpg", "411-53x37.jpg"]

if any(importlib.util.find_spec(p) is None for p in PACKAGES):
    python = os.path.join(CACHE, "venv", "bin", "python")
    if os.path.abspath(sys.executable) == os.path.abspath(python):
        sys.exit("pip could not install " + ", ".join(PACKAGES))
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", os.path.join(CACHE, "venv")], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    os.execv(python, [python, *sys.argv])

import duckdb
import numpy as np
import pandas
import polars
import pyarrow
import pyarrow.feather
import pyarrow.parquet
from safetensors import safe_open


def extract(program, folder, *args):
    """Runs featx; one picture is broken, so it ends with status 2."""
    done = subprocess.run([program, "extract", "-l", ",".join(LAYERS), *args, "p"], cwd=folder, capture_output=True)
    if done.returncode != 2:
        sys.exit(f"featx extract {' '.join(args)}: exit status {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


class Rows:
    """What a file holds: paths (bytes), row numbers or None, arrays by layer, the provenance."""

    def __init__(self, paths, arrays, provenance, numbers=None):
        self.paths, self.arrays, self.provenance, self.numbers = paths, arrays, provenance, numbers


def printed(text, shapes=None):
    """Rows of JSON Lines."""
    paths, arrays = [], {}
    for line in text.splitlines():
        o = json.loads(line)
        if not paths or paths[-1] != os.fsencode(o["path"]):
            paths.append(os.fsencode(o["path"]))
        arrays.setdefault(o["layer"], []).append(np.array(o["features"], dtype=np.float64).astype(np.float32).reshape(o["shape"]))
    return Rows(paths, {k: np.stack(v) for k, v in arrays.items()}, None)


def beside(path):
    with open(path + ".provenance.json") as f:
        return f.read()


# By format: each reader of it, by the library's name.
def npy(path):
    with open(path + ".paths.txt", "rb") as f:
        paths = f.read().splitlines()
    return Rows(paths, {LAYERS[0]: np.load(path, mmap_mode="r")}, beside(path))


def npz(path):
    z = np.load(path, allow_pickle=False)
    return Rows([os.fsencode(p) for p in z["paths"].tolist()], {k: z[k] for k in z.files if k not in ("paths", "provenance")}, z["provenance"].item())


def safetensors(path):
    f = safe_open(path, "np")
    return Rows([os.fsencode(p) for p in json.loads(f.metadata()["paths"])], {k: f.get_tensor(k) for k in f.keys()}, f.metadata()["featx"])


def jsonl(path):
    with open(path) as f:
        rows = printed(f.read())
    rows.provenance = beside(path)
    return rows


def text(paths):
    """The paths of a table, in which a byte that is not UTF-8 is \\xff."""
    return [p.replace("\\xff", "\udcff").encode("utf-8", "surrogateescape") for p in paths]


def table(t, provenance):
    """Rows of an Arrow table, whose lists have one length."""
    arrays = {}
    for name in t.column_names[2:]:
        column = t[name].combine_chunks()
        column = column if isinstance(column, pyarrow.Array) else column.chunk(0)
        arrays[name] = column.flatten().to_numpy().reshape(len(t), -1)
    return Rows(text(t["path"].to_pylist()), arrays, provenance, t["row"].to_pylist())


def cells(paths, numbers, columns, provenance):
    return Rows(text(paths), {name: np.stack([np.asarray(v) for v in column]) for name, column in columns.items()}, provenance, list(numbers))


def parquet_meta(path):
    return pyarrow.parquet.read_schema(path).metadata[b"featx"].decode()


def parquet_pyarrow(path):
    return table(pyarrow.parquet.read_table(path), parquet_meta(path))


def parquet_pandas(path):
    t = pandas.read_parquet(path)
    return cells(t["path"], t["row"], {k: t[k] for k in t.columns[2:]}, parquet_meta(path))


def parquet_duckdb(path):
    t = duckdb.sql(f"select * from '{path}'")
    meta = duckdb.sql(f"select value from parquet_kv_metadata('{path}') where key = 'featx'").fetchall()[0][0].decode()
    rows = t.fetchall()
    return cells([r[0] for r in rows], [r[1] for r in rows], {k: [np.array(r[i], dtype=np.float32) for r in rows] for i, k in enumerate(t.columns) if i > 1}, meta)


def parquet_polars(path):
    t = polars.read_parquet(path)
    return cells(t["path"].to_list(), t["row"].to_list(), {k: [v.to_numpy() for v in t[k]] for k in t.columns[2:]}, polars.read_parquet_metadata(path)["featx"])


def arrow_pyarrow(path):
    before = pyarrow.total_allocated_bytes()
    f = pyarrow.ipc.open_file(pyarrow.memory_map(path))
    t = f.read_all()
    values = t[LAYERS[0]].chunk(0).flatten().to_numpy()
    assert values.base is not None and pyarrow.total_allocated_bytes() == before, "a mapped file is copied"
    return table(t, f.schema.metadata[b"featx"].decode())


def arrow_meta(path):
    return pyarrow.ipc.open_file(path).schema.metadata[b"featx"].decode()


def arrow_pandas(path):
    t = pandas.read_feather(path)
    return cells(t["path"], t["row"], {k: t[k] for k in t.columns[2:]}, arrow_meta(path))


def arrow_polars(path):
    t = polars.read_ipc(path)
    return cells(t["path"].to_list(), t["row"].to_list(), {k: [v.to_numpy() for v in t[k]] for k in t.columns[2:]}, arrow_meta(path))


def arrow_duckdb(path):
    t = pyarrow.ipc.open_file(path).read_all()
    rows = duckdb.sql("select path, row from t").fetchall()
    got = table(t, arrow_meta(path))
    got.paths, got.numbers = text(r[0] for r in rows), [r[1] for r in rows]
    return got


READERS = {
    "npy": {"NumPy": npy},
    "npz": {"NumPy": npz},
    "safetensors": {"safetensors": safetensors},
    "jsonl": {"json": jsonl},
    "parquet": {"pyarrow": parquet_pyarrow, "pandas": parquet_pandas, "DuckDB": parquet_duckdb, "polars": parquet_polars},
    "arrow": {"pyarrow": arrow_pyarrow, "pandas": arrow_pandas, "polars": arrow_polars, "DuckDB": arrow_duckdb},
}
WIDENS = {"DuckDB"}  # reads float16 as float32
UNREADABLE = {("arrow", "f16", "DuckDB")}  # DuckDB 2.0.1 knows float16 in Parquet alone


def same(got, want, layers, dtype, reader):
    """Compares rows, with all their bits."""
    assert got.paths == want.paths, f"paths {got.paths}, want {want.paths}"
    assert got.numbers is None or got.numbers == want.numbers, f"row {got.numbers}, want {want.numbers}"
    assert sorted(got.arrays) == sorted(layers), f"layers {sorted(got.arrays)}"
    about = json.loads(got.provenance)
    assert [l["name"] for l in about["layers"]] == layers and len(about["model"]["sha256"]) == 64, about
    for l in about["layers"]:
        assert l["dtype"] == dtype, about
        with np.errstate(over="ignore"):
            numbers = want.arrays[l["name"]].astype(np.float16 if dtype == "f16" else np.float32)
        if dtype == "f16" and reader in WIDENS:
            numbers = numbers.astype(np.float32)
        array = np.ascontiguousarray(got.arrays[l["name"]])
        assert array.dtype == numbers.dtype, f"{l['name']}: {array.dtype}, want {numbers.dtype}"
        assert array.reshape(len(want.paths), *l["dims"]).tobytes() == numbers.tobytes(), f"{l['name']}: other numbers"


def main():
    work = tempfile.mkdtemp(prefix="featx-interop-")
    try:
        program = os.path.join(work, "featx")
        subprocess.run(["go", "build", "-o", program, "./cmd/featx"], cwd=ROOT, check=True)
        folder = os.path.join(work, "p")
        os.mkdir(folder)
        for name in PICTURES:
            shutil.copy(os.path.join(ROOT, "testdata", "images", name), folder)
        with open(os.path.join(folder, "broken.png"), "wb") as f:
            f.write(b"no picture")
        shutil.copy(os.path.join(ROOT, "testdata", "images", "ship.jpg"), os.fsencode(folder) + b"/na\xc3\xafve \xff.jpg")
        if extract(program, work, "-o", "order.jsonl"):
            sys.exit("-o and yet features on standard output")
        failed = 0
        for scale in ["1/255", "1000"]:  # the second is beyond float16
            want = printed(extract(program, work, "--scale", scale))
            inputs = sorted([*want.paths, b"p/broken.png"])
            want.numbers = [inputs.index(p) for p in want.paths]
            for ending, readers in READERS.items():
                layers = LAYERS[:1] if ending == "npy" else LAYERS
                for dtype in ["f32", "f16"]:
                    if ending == "jsonl" and dtype == "f16":
                        continue
                    for rows in [0, 3]:
                        out = f"out-{scale.replace('/', '-')}-{dtype}-{rows}.{ending}"
                        args = ["-l", ",".join(layers)] if ending == "npy" else []
                        args += ["--rows-per-file", str(rows)] if rows else []
                        args += ["--dtype", dtype] if dtype == "f16" else []
                        if ending == "npy":
                            done = subprocess.run([program, "extract", "--scale", scale, *args, "-o", out, "p"], cwd=work, capture_output=True)
                            assert done.returncode == 2, done.stderr
                        else:
                            extract(program, work, "--scale", scale, *args, "-o", out)
                        stem = os.path.join(work, out.rsplit(".", 1)[0])
                        files = [f"{stem}-{i:05d}.{ending}" for i in range((len(want.paths) + rows - 1) // rows)] if rows else [f"{stem}.{ending}"]
                        for reader, read in readers.items():
                            if (ending, dtype, reader) in UNREADABLE:
                                continue
                            problem = ""
                            try:
                                for i, path in enumerate(files):
                                    part = slice(i * rows, (i + 1) * rows) if rows else slice(None)
                                    same(read(path), Rows(want.paths[part], {k: v[part] for k, v in want.arrays.items()}, None, want.numbers[part]), layers, dtype, reader)
                            except Exception as e:  # of any library
                                problem = f"{type(e).__name__}: {str(e)[:300]}"
                                failed += 1
                            print(f"{ending:12} {dtype}  {'one file' if not rows else f'{len(files)} files'}  scale {scale:6} {reader:12} {problem or 'same'}")
    finally:
        shutil.rmtree(work)
    print(", ".join(f"{m.__name__} {m.__version__}" for m in (np, pandas, pyarrow, duckdb, polars)), "safetensors", importlib.import_module("importlib.metadata").version("safetensors"))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
