"""featx beside other engines: the same network, weights and picture, alternating in one run. See README.md."""
import argparse
import datetime
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import time
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
PACKAGES = ["onnxruntime", "onnx", "numpy"]


class Featx:
    """bench/netbench as a child process: one line in, one run, its nanoseconds out."""

    def __init__(self, options):
        if not shutil.which("go"):
            sys.exit("the go command is not on the PATH: it builds bench/netbench")
        binary = os.path.join(options.cache, "netbench")
        subprocess.run(["go", "build", "-trimpath", "-o", binary, "./bench/netbench"], cwd=ROOT, check=True,
                       env={**os.environ, "CGO_ENABLED": "0"})
        self.child = subprocess.Popen(
            [binary, "-network", options.network, "-threads", str(options.threads), "-isa", options.isa],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = json.loads(self._line())
        self.name = f"featx ({self.about['isa']})"
        self.version = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    def _line(self):
        line = self.child.stdout.readline()
        if not line:
            sys.exit("netbench ended early: its message is above")
        return line

    def _ask(self, what):
        self.child.stdin.write(what + "\n")
        self.child.stdin.flush()
        return json.loads(self._line())

    def run(self):
        return self._ask("run")

    def output(self):
        return self._ask("output")

    def close(self):
        self.child.stdin.close()
        self.child.wait()


class OnnxRuntime:
    """The graph of featx, written as ONNX, with every optimisation that ONNX Runtime has for a CPU."""

    def __init__(self, options, about):
        import numpy as np
        import onnxruntime as ort
        import seeded
        o = ort.SessionOptions()
        o.intra_op_num_threads, o.inter_op_num_threads = options.threads, 1
        o.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        o.add_session_config_entry("session.force_spinning_stop", "1")  # its workers must not spin into featx's turn
        self.session = ort.InferenceSession(onnx_model(about), o, providers=["CPUExecutionProvider"])
        i = about["graph"]["input"]
        self.feed = {"input": np.ascontiguousarray(seeded.network_input((1, i["c"], i["h"], i["w"])))}
        self.name, self.version = "ONNX Runtime", ort.__version__

    def run(self):
        start = time.perf_counter_ns()
        self.last = self.session.run(None, self.feed)
        return time.perf_counter_ns() - start

    def output(self):
        return self.last[0].ravel()


def onnx_model(about):
    """Serialises featx's graph (PyTorch's layout) with seeded weights as an ONNX model."""
    import onnx
    import seeded
    from onnx import helper, numpy_helper
    graph = about["graph"]
    if graph["layout"] != "NCHW":
        sys.exit(f"{graph['arch']}: only networks in PyTorch's layout can be written as ONNX here")
    shapes = {p["tensor"]: p["shape"] for p in about["params"]}
    nodes, tensors = [], []

    def weight(name, role):
        tensors.append(numpy_helper.from_array(seeded.values(name, shapes[name], role), name))
        return name

    def window(a):
        p = a["pad"]
        sides = [p.get(side, 0) for side in ("top", "left", "bottom", "right")]
        return {"kernel_shape": a["kernel"], "strides": a["stride"], "dilations": a["dilation"], "pads": sides}

    for n in graph["nodes"]:
        op, a, inputs = n["op"], n.get("attrs", {}), list(n["inputs"])

        def emit(kind, *params, **attributes):
            nodes.append(helper.make_node(kind, [*inputs, *params], [n["name"]], name=n["name"], **attributes))

        biased = [weight(a["weight"], "weight")] if "weight" in a else []
        biased += [weight(a["bias"], "bias")] if a.get("bias") else []
        if op == "Conv2D":
            emit("Conv", *biased, group=a["groups"], **window(a))
        elif op == "Dense":
            emit("Gemm", *biased, transB=1)
        elif op == "BatchNorm":
            emit("BatchNormalization", *[weight(a[role], role) for role in ("gamma", "beta", "mean", "var")], epsilon=a["eps"])
        elif op == "MaxPool":
            emit("MaxPool", ceil_mode=int(a.get("ceil", False)), **window(a))
        elif op == "AdaptiveAvgPool" and [a["out_h"], a["out_w"]] == about["shapes"][n["inputs"][0]][-2:]:
            emit("Identity")
        elif op in SIMPLE:
            emit(SIMPLE[op])
        else:
            sys.exit(f"{n['name']}: {op} has no translation to ONNX here: add it to onnx_model in {os.path.basename(__file__)}")
    i = graph["input"]
    value = lambda name, shape: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    last = graph["nodes"][-1]["name"]
    model = helper.make_model(
        helper.make_graph(nodes, graph["arch"], [value("input", [1, i["c"], i["h"], i["w"]])], [value(last, None)], tensors),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


SIMPLE = {"ReLU": "Relu", "Add": "Add", "Flatten": "Flatten", "GlobalAvgPool": "GlobalAveragePool",
          "Identity": "Identity", "Dropout": "Identity", "Softmax": "Softmax"}


def cosine(a, b):
    dot = lambda x, y: math.fsum(float(p) * float(q) for p, q in zip(x, y))
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def cpu():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def measure(options):
    featx = Featx(options)
    peer = OnnxRuntime(options, featx.about)
    engines = [featx, peer]
    for _ in range(options.warmup):
        for e in engines:
            e.run()
    agreement = cosine(featx.output(), peer.output())
    if not agreement > 0.99999:
        sys.exit(f"the outputs differ: cosine similarity {agreement:.7f}, must be above 0.99999")
    times = {e.name: [] for e in engines}
    for _ in range(options.rounds):
        for e in engines:
            times[e.name].append(e.run() / 1e6)
    featx.close()
    base = median(times[peer.name])
    report = {
        "network": options.network, "batch": 1, "threads": options.threads, "rounds": options.rounds,
        "cpu": cpu(), "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "load_average": os.getloadavg()[0], "cosine": agreement,
        "engines": [{"name": e.name, "version": e.version, "median_ms": median(times[e.name]), "best_ms": min(times[e.name]),
                     "ratio": median(times[e.name]) / base} for e in engines],
        "times_ms": times,
    }
    print(f"{options.network}, float32, batch 1, {options.threads} thread(s), medians of {options.rounds} alternating rounds;"
          f" {report['cpu']}, load average {report['load_average']:.1f}, {report['date']}; cosine of the outputs {agreement:.8f}\n")
    print("| engine | version | median ms | best ms | time / " + peer.name + " |\n|---|---|---|---|---|")
    for e in report["engines"]:
        print(f"| {e['name']} | {e['version']} | {e['median_ms']:.2f} | {e['best_ms']:.2f} | {e['ratio']:.2f} |")
    print("\n" + json.dumps(report))
    if options.json:
        with open(options.json, "w") as f:
            json.dump(report, f, indent=1)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--network", default="resnet50", help="a stock network of featx (default: %(default)s)")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=21)
    p.add_argument("--warmup", type=int, default=3)
    p.add_argument("--isa", default="", help="featx's instruction set (default: the best one)")
    p.add_argument("--json", help="also write the report to this file")
    p.add_argument("--cache", default=os.path.join(CACHE, "featx-peers"), help="the virtual environment and the binary (default: %(default)s)")
    options = p.parse_args()
    os.makedirs(options.cache, exist_ok=True)
    python = os.path.join(options.cache, "venv", "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(os.path.join(options.cache, "venv")):
        sys.dont_write_bytecode = True
        sys.path.insert(0, os.path.join(ROOT, "testdata", "golden"))
        return measure(options)
    if subprocess.run([python, "-c", "import " + ", ".join(PACKAGES)], capture_output=True).returncode if os.path.exists(python) else True:
        subprocess.run([sys.executable, "-m", "venv", os.path.join(options.cache, "venv")], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


if __name__ == "__main__":
    main()
