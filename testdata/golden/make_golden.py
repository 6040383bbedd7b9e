"""Every layer of stock networks in float64, as torchvision defines them, with seeded weights (seeded.py).

    python3 make_golden.py [NAME...]        default: the committed ones

writes NAME.safetensors beside this script: for every node of the graph that torchvision's feature_extraction traces in eval
mode a float64 tensor of that name holding the node's values at seeded.sample_positions: 256 of them, 128 in networks of more
than 200 nodes. __metadata__.layers is a JSON list, in graph order, of {name, shape (NCHW), n, mean, std (population), min,
max, absmax, torch_f32_error}; all statistics are over the whole layer in float64; torch_f32_error is the largest
|float32 run - float64 run| / absmax, PyTorch's own rounding error. __metadata__.modules is a JSON object: for every module
that is not a node itself (layer1, layer1.0) the first node that has the same values as the module's output.
Needs torch and torchvision (made with 1.13 and 0.14).
"""
import json
import os
import re
import sys

import torch
import torchvision
from torch.fx import GraphModule, Interpreter
from torchvision.models.feature_extraction import NodePathTracer, get_graph_node_names

import safetensors_file
import seeded

HERE = os.path.dirname(os.path.abspath(__file__))
NETWORKS = ["vgg16", "vgg19", "vgg11_bn", "resnet18", "resnet50", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "inception_v3_google"]

# What get_model needs besides the name; featx calls Inception with transform_input by the name of its published weights.
ARGUMENTS = {"inception_v3_google": {"name": "inception_v3", "transform_input": True, "init_weights": False}}
SIZES = {"inception_v3_google": 299}

# The pieces of Inception's transform_input; featx has their result alone, the node cat.
PIECES = re.compile("(getitem|unsqueeze|mul|add)(_[12])?")


class Lockstep:
    """Runs a model's graph one node at a time, dropping each value after its last use."""

    def __init__(self, model, x):
        tracer = NodePathTracer()
        self.run = Interpreter(GraphModule(model, tracer.trace(model)))
        self.run.args_iter = iter([x])
        self.names = tracer.node_to_qualname

    def __iter__(self):
        env = self.run.env
        for node in self.run.module.graph.nodes:
            value = env[node] = self.run.run_node(node)
            if node.op != "output":
                yield self.names[node], value
            for dead in self.run.user_to_last_uses.get(node, []):
                del env[dead]


def build(name, dtype):
    model = seeded.fill(torchvision.models.get_model(**{"name": name, **ARGUMENTS.get(name, {})}, weights=None)).eval().to(dtype)
    for m in model.modules():  # an in-place ReLU would overwrite the layer before it
        if hasattr(m, "inplace"):
            m.inplace = False
    return model


def statistics(v):
    return {"mean": v.mean().item(), "std": v.std(unbiased=False).item(), "min": v.min().item(), "max": v.max().item(), "absmax": v.abs().max().item()}


def module_statistics(model, x):
    """The statistics of each module's output, by the module's name, from a run without feature_extraction."""
    outputs = {}
    hooks = [m.register_forward_hook(lambda m, i, o, name=name: outputs.update({name: statistics(o)})) for name, m in model.named_modules() if name]
    model(x)
    for h in hooks:
        h.remove()
    return outputs


def golden(name):
    size = SIZES.get(name, 224)
    x = torch.from_numpy(seeded.network_input((1, 3, size, size)))
    exact, single = build(name, torch.float64), build(name, torch.float32)
    # Modules of torchvision.ops are single nodes to get_graph_node_names; here they are taken apart.
    known = get_graph_node_names(exact)[1]
    samples = 256 if len(known) <= 200 else 128
    tensors, layers, nodes = {}, [], []
    for (layer, v), (other, w) in zip(Lockstep(exact, x.double()), Lockstep(single, x)):
        assert layer == other
        nodes.append(layer)
        if PIECES.fullmatch(layer):
            continue
        s = statistics(v)
        layers.append({"name": layer, "shape": list(v.shape), "n": v.numel(), **s, "torch_f32_error": (v - w.double()).abs().max().item() / s["absmax"]})
        tensors[layer] = v.reshape(-1)[torch.from_numpy(seeded.sample_positions(layer, v.numel(), samples))].numpy()
    modules = {}
    for module, s in module_statistics(exact, x.double()).items():
        same = [l["name"] for l in layers if s.items() <= l.items()]
        assert same, module
        if module not in nodes:
            modules[module] = same[0]
    assert set(known) <= {*nodes, *modules}
    safetensors_file.write(os.path.join(HERE, name + ".safetensors"), tensors, {
        "network": name, "seed": "0", "torch": torch.__version__, "torchvision": torchvision.__version__,
        "layers": json.dumps(layers, separators=(",", ":")), "modules": json.dumps(modules, separators=(",", ":")),
    })
    worst = max(layers, key=lambda l: l["torch_f32_error"])
    print(f"{name}: {len(layers)} layers, largest value {max(l['absmax'] for l in layers):.4g},"
          f" PyTorch float32's worst error {worst['torch_f32_error']:.2e} at {worst['name']}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        for name in sys.argv[1:] or NETWORKS:
            golden(name)
