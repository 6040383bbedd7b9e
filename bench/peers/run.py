"""featx beside other engines: the same networks, weights and pictures, in turns, each engine at its best. See README.md."""
import argparse
import atexit
import datetime
import hashlib
import itertools
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")

NETWORKS = ["resnet18", "resnet50", "vgg16", "inception_v3", "mobilenet_v2", "squeezenet1_1"]
PEERS = ["onnxruntime", "openvino", "ncnn", "torch"]
PACKAGES = ["numpy", "onnx", "onnxruntime", "openvino", "ncnn"]
AGREEMENT = 0.99999
FIRST_NETWORK = "resnet50"


def say(text):
    print(text, file=sys.stderr, flush=True)


def environment(options):
    """The Pythons that have the peers' packages: peer -> python. A peer that cannot be had is left out, with the reason."""
    venv = os.path.join(options.cache, "venv")
    python = os.path.join(venv, "bin", "python")

    def has(p, packages):
        code = "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in sys.argv[1:]))"
        return subprocess.run([p, "-c", code, *packages], capture_output=True).returncode == 0

    if not os.path.exists(python):
        say(f"making a Python environment in {venv}")
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    for package in PACKAGES:
        if not has(python, [package]) and subprocess.run([python, "-m", "pip", "install", "--quiet", package]).returncode:
            say(f"{package}: pip cannot install it")
    pythons = {p: python for p in options.peers if p != "torch" and has(python, [p, "numpy"])}
    if "torch" in options.peers:
        # Not by pip: its package for Linux is a CUDA build of several GB.
        for p in [options.torch_python, python, "/usr/bin/python3"]:
            if p and os.path.exists(p) and has(p, ["torch", "numpy"]):
                pythons["torch"] = p
                break
    for p in options.peers:
        if p not in pythons:
            say(f"{p}: left out, no Python here has it" + (" (--torch-python names one)" if p == "torch" else ""))
    if not pythons:
        sys.exit("no peer could be installed: is the network there?")
    return pythons


def build(options, command):
    """A program of this repository, built as it is released."""
    if not shutil.which("go"):
        sys.exit("the go command is not on the PATH: it builds featx")
    binary = os.path.join(options.cache, os.path.basename(command))
    subprocess.run(["go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "./" + command], cwd=ROOT, check=True, env={**os.environ, "CGO_ENABLED": "0"})
    return binary


def commit():
    return subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()


class Engine:
    """A child process that answers `run` with nanoseconds and `output` with values. It is stopped while it is not its turn, so that its threads, which
    may spin for a while, take nothing from the others."""

    alive = set()

    def __init__(self, key, name, version, setting, command):
        self.key, self.name, self.version, self.setting = key, name, version, setting
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        Engine.alive.add(self.child)
        self.about = json.loads(self._line())
        self._pause()

    def _line(self):
        line = self.child.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ({self.setting}) ended early: its message is above")
        return line

    def _pause(self):
        os.kill(self.child.pid, signal.SIGSTOP)

    def _ask(self, *questions):
        os.kill(self.child.pid, signal.SIGCONT)
        for q in questions:
            self.child.stdin.write(q + "\n")
            self.child.stdin.flush()
            answer = json.loads(self._line())
        self._pause()
        return answer

    def run(self):
        """Milliseconds of a run, after one that wakes the threads and warms the caches."""
        return self._ask("run", "run") / 1e6

    def output(self):
        return self._ask("output")

    def close(self):
        os.kill(self.child.pid, signal.SIGCONT)
        self.child.stdin.close()
        self.child.wait()
        Engine.alive.discard(self.child)

    @staticmethod
    def end_all():
        """A stopped child would stay for ever."""
        for child in Engine.alive:
            child.kill()


class Bench:
    def __init__(self, options):
        self.options = options
        self.pythons = environment(options)
        self.netbench = build(options, "bench/netbench")

    def child(self, peer, *arguments):
        return [self.pythons[peer], os.path.join(HERE, "child.py"), *map(str, arguments)]

    def export(self, network):
        """The network's folder, with what each peer reads. What is there is made again when the graph or the script changed."""
        folder = os.path.join(self.options.cache, "networks", network)
        os.makedirs(folder, exist_ok=True)
        about = subprocess.run([self.netbench, "-network", network], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if about.returncode:
            sys.exit(about.stderr.strip())
        graph = json.dumps({k: v for k, v in json.loads(about.stdout).items() if k != "isa"})
        with open(os.path.join(folder, "network.json"), "w") as f:
            f.write(graph)
        any_python = next(iter(self.pythons.values()))
        more = ["features"] if network == FIRST_NETWORK else []
        for peer in ["weights", *self.pythons]:
            scripts = ["network.py"] if peer == "weights" else ["network.py", "peer_onnxruntime.py", f"peer_{peer}.py"]
            state = hashlib.sha256(graph.encode() + b"".join(open(os.path.join(HERE, s), "rb").read() for s in scripts)).hexdigest()
            marker = os.path.join(folder, peer + ".done")
            if os.path.exists(marker) and open(marker).read() == state:
                continue
            say(f"{network}: writing it for {peer}")
            subprocess.run([self.pythons.get(peer, any_python), os.path.join(HERE, "child.py"), "export", peer, folder, *more], check=True, stdout=sys.stderr)
            with open(marker, "w") as f:
                f.write(state)
        return folder

    def about(self, peer, threads, batch):
        asked = subprocess.run(self.child(peer, "about", peer, threads, batch), capture_output=True, text=True)
        if asked.returncode:
            sys.exit(f"{peer} does not start (--peers leaves it out):\n{asked.stderr.strip()}")
        return json.loads(asked.stdout)

    def best(self, peer, folder, threads, batch):
        """The peer with the setting that is the quickest here."""
        about = self.about(peer, threads, batch)
        engines = [Engine(peer, about["name"], about["version"], s, self.child(peer, "run", peer, folder, threads, batch, s)) for s in about["settings"]]
        times = {e: [] for e in engines}
        for _ in range(4):
            if len(engines) == 1:
                break
            for e in engines:
                times[e].append(e.run())
            least = min(min(times[e]) for e in engines)
            for e in [e for e in engines if min(times[e]) > 1.3 * least]:  # no need to try that again
                e.close()
                engines.remove(e)
        engines.sort(key=lambda e: min(times[e], default=0))
        for e in engines[1:]:
            e.close()
        return engines[0]

    def compare(self, network, folder, threads, batch):
        """One network with so many threads and pictures on all engines, in turns."""
        o = self.options
        featx = Engine("featx", "featx", commit(), o.isa or "best instruction set",
                       [self.netbench, "-network", network, "-threads", str(threads), "-batch", str(batch), "-isa", o.isa])
        featx.setting = featx.about["isa"]
        engines = [featx] + [self.best(p, folder, threads, batch) for p in self.pythons]
        for e in engines:
            e.run()
        reference, cosines = featx.output(), {}
        for e in engines[1:]:
            cosines[e.key] = least_cosine(reference, e.output(), batch)
            if not cosines[e.key] > AGREEMENT:
                sys.exit(f"{network}: the outputs of featx and {e.name} ({e.setting}) differ: cosine similarity {cosines[e.key]:.7f}, must be above {AGREEMENT}")
        times, load = {e.key: [] for e in engines}, os.getloadavg()[0]
        start = time.monotonic()
        for done in range(o.rounds):
            for e in engines:
                times[e.key].append(e.run())
            if time.monotonic() - start > o.time and done >= 4:
                break
        for e in engines:
            e.close()
        best = min((median(times[e.key]), e.key) for e in engines[1:])
        # A busy neighbour hits all engines of a round: the ratio within each round moves less than the times.
        ratios = [f / p for f, p in zip(times["featx"], times[best[1]])]
        return {
            "network": network, "threads": threads, "batch": batch, "rounds": len(times["featx"]), "load_average": load,
            "best_peer": best[1], "ratio": median(times["featx"]) / best[0], "ratio_within_rounds": median(ratios),
            "engines": [{"key": e.key, "name": e.name, "version": e.version, "setting": e.setting, "median_ms": median(times[e.key]), "best_ms": min(times[e.key]),
                         "cosine": cosines.get(e.key), "times_ms": times[e.key]} for e in engines],
        }

    def first(self, threads):
        """Whole processes: from exec to the first features of a preprocessed picture, and the most memory on the way."""
        folder = self.export(FIRST_NETWORK)
        featx = build(self.options, "cmd/featx")
        model = os.path.join(folder, "featx.safetensors")
        if not os.path.exists(model):
            subprocess.run([featx, "convert", "--arch", FIRST_NETWORK, os.path.join(folder, "weights.safetensors"), model], check=True, stdout=sys.stderr)
        commands = {"featx": [featx, "extract", "--threads", str(threads), "--batch", "1", "-m", model, os.path.join(folder, "picture.npy")]}
        commands.update({p: self.child(p, "first", p, folder, threads) for p in self.pythons})
        found = {k: [] for k in commands}
        for done in range(self.options.first_rounds + 1):
            for key, command in commands.items():
                ms, kib, features = whole_process(command)
                if done == 0:  # fills the page cache
                    if key == "featx":
                        reference = features
                    elif not (agreement := least_cosine(reference, features, 1)) > AGREEMENT:
                        sys.exit(f"{FIRST_NETWORK}: the features of featx and {key} differ: cosine similarity {agreement:.7f}")
                else:
                    found[key].append((ms, kib))
        return {"network": FIRST_NETWORK, "threads": threads, "load_average": os.getloadavg()[0],
                "engines": [{"key": k, "median_ms": median(m for m, _ in v), "peak_mb": median(k for _, k in v) / 1024} for k, v in found.items()]}


def whole_process(command):
    """Milliseconds until the first line is there, KiB of memory at the most, the features in the line."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = child.stdout.readline()
    ms = 1e3 * (time.perf_counter() - start)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode or not line:
        sys.exit(f"{' '.join(command)}: exit status {child.returncode}")
    values = json.loads(line)
    if isinstance(values, dict):
        values = values["features"]
    while isinstance(values[0], list):
        values = list(itertools.chain.from_iterable(values))
    return ms, usage.ru_maxrss, values


def least_cosine(a, b, rows):
    """The smallest cosine similarity of two rows."""
    if len(a) != len(b):
        sys.exit(f"outputs of {len(a)} and {len(b)} values")
    n, least = len(a) // rows, 1.0
    for i in range(0, len(a), n):
        x, y = a[i:i + n], b[i:i + n]
        dot = lambda p, q: math.fsum(map(lambda v, w: v * w, p, q))
        length = math.sqrt(dot(x, x) * dot(y, y))
        least = min(least, dot(x, y) / length) if length > 0 else math.nan
    return least


def cpu():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def markdown(report):
    keys = ["featx"] + [k for k in PEERS if any(e["key"] == k for r in report["results"] for e in r["engines"])]
    names = {e["key"]: f"{e['name']} {e['version']}" for r in report["results"] for e in r["engines"]}
    lines = [f"{report['cpu']}, {report['cores']} cores, {report['date']}. Medians in ms, float32; the ratio is featx / the best peer, below 1 is faster.", "",
             "| network | threads | batch | " + " | ".join(names[k] for k in keys) + " | ratio | load |",
             "|---|---|---|" + "---|" * (len(keys) + 2)]
    for r in report["results"]:
        at = {e["key"]: e["median_ms"] for e in r["engines"]}
        cells = [(f"**{at[k]:.1f}**" if k == r["best_peer"] else f"{at[k]:.1f}") if k in at else "" for k in keys]
        lines.append(f"| {r['network']} | {r['threads']} | {r['batch']} | " + " | ".join(cells) + f" | {r['ratio']:.2f} | {r['load_average']:.1f} |")
    lines += ["", "Settings that were the quickest: " + "; ".join(
        f"{name}: {' / '.join(sorted(used))}" for name, used in settings_used(report).items()) + "."]
    if report.get("first"):
        first = report["first"]
        base = {e["key"]: e for e in first["engines"]}["featx"]
        lines += ["", f"Whole processes, {first['network']}, {first['threads']} thread(s): exec to the first features of a preprocessed picture, and peak resident memory.", "",
                  "| engine | ms | MB | featx / it: time | memory |", "|---|---|---|---|---|"]
        for e in first["engines"]:
            lines.append(f"| {names.get(e['key'], e['key'])} | {e['median_ms']:.0f} | {e['peak_mb']:.0f} | {base['median_ms'] / e['median_ms']:.2f} | {base['peak_mb'] / e['peak_mb']:.2f} |")
    return "\n".join(lines)


def settings_used(report):
    used = {}
    for r in report["results"]:
        for e in r["engines"]:
            used.setdefault(e["name"], set()).add(e["setting"])
    return used


def main():
    words = lambda text: [w for w in text.split(",") if w]
    numbers = lambda text: [int(w) for w in text.split(",")]
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--networks", type=words, default=NETWORKS, help="stock networks of featx, with commas (default: all that it can compare)")
    p.add_argument("--peers", type=words, default=PEERS, help="of " + ",".join(PEERS) + " (default: all)")
    p.add_argument("--threads", type=numbers, default=[1, 2])
    p.add_argument("--batch", type=numbers, default=[1, 8])
    p.add_argument("--rounds", type=int, default=21, help="of each comparison (default: %(default)s)")
    p.add_argument("--time", type=float, default=60, help="seconds after which a comparison of 5 rounds or more ends (default: %(default)s)")
    p.add_argument("--first-rounds", type=int, default=9, help="whole processes of each engine; 0 leaves them out (default: %(default)s)")
    p.add_argument("--isa", default="", help="featx's instruction set (default: the best one)")
    p.add_argument("--json", help="also write the report, with every single time, to this file")
    p.add_argument("--cache", default=os.path.join(CACHE, "featx-peers"), help="environment, programs and exported networks (default: %(default)s)")
    p.add_argument("--torch-python", default="", help="a Python that has torch, if the CPU build cannot be installed (default: /usr/bin/python3)")
    o = p.parse_args()
    unknown = [k for k in o.peers if k not in PEERS]
    if unknown:
        p.error(f"--peers: {', '.join(unknown)}: must be of {', '.join(PEERS)}")
    if o.rounds < 1 or o.first_rounds < 0:
        p.error("--rounds must be at least 1, --first-rounds at least 0")
    os.makedirs(o.cache, exist_ok=True)
    bench = Bench(o)
    report = {"cpu": cpu(), "cores": os.cpu_count(), "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"), "commit": commit(), "results": []}
    for network in o.networks:
        folder = bench.export(network)
        for threads, batch in itertools.product(o.threads, o.batch):
            r = bench.compare(network, folder, threads, batch)
            report["results"].append(r)
            say(f"{network}, {threads} thread(s), batch {batch}: " + ", ".join(f"{e['name']} {e['median_ms']:.1f}" for e in r["engines"]) + f"; ratio {r['ratio']:.2f}")
    if o.first_rounds:
        report["first"] = bench.first(o.threads[0])
    print(markdown(report))
    if o.json:
        with open(o.json, "w") as f:
            json.dump(report, f, indent=1)
    else:
        print("\n" + json.dumps(report))


if __name__ == "__main__":
    atexit.register(Engine.end_all)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        main()
    except subprocess.CalledProcessError as e:
        sys.exit(f"exit status {e.returncode} of: {' '.join(e.cmd)}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
