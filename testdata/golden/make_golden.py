"""Every layer of stock networks in float64, as torchvision defines them, with seeded weights (seeded.py).

    python3 make_golden.py [NAME...]        default: the committed ones

writes NAME.safetensors beside this script: for every graph node (torchvision's get_graph_node_names, eval mode) a float64
tensor of that name holding the node's values at seeded.sample_positions. __metadata__.layers is a JSON list, in graph order,
of {name, shape (NCHW), n, mean, std (population), min, max, absmax, torch_f32_error}; all statistics are over the whole
layer in float64; torch_f32_error is the largest |float32 run - float64 run| / absmax, PyTorch's own rounding error.
Needs torch and torchvision (made with 1.13 and 0.14).
"""
import json
import os
import sys

import torch
import torchvision
from torch.fx import GraphModule, Interpreter
from torchvision.models.feature_extraction import NodePathTracer, get_graph_node_names

import safetensors_file
import seeded

HERE = os.path.dirname(os.path.abspath(__file__))
NETWORKS = ["vgg16", "vgg19", "vgg11_bn", "resnet18", "resnet50"]


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
    model = seeded.fill(torchvision.models.get_model(name, weights=None)).eval().to(dtype)
    for m in model.modules():  # an in-place ReLU would overwrite the layer before it
        if hasattr(m, "inplace"):
            m.inplace = False
    return model


def golden(name):
    x = torch.from_numpy(seeded.network_input())
    exact, single = build(name, torch.float64), build(name, torch.float32)
    tensors, layers = {}, []
    for (layer, v), (other, w) in zip(Lockstep(exact, x.double()), Lockstep(single, x)):
        assert layer == other
        absmax = v.abs().max().item()
        layers.append({
            "name": layer, "shape": list(v.shape), "n": v.numel(),
            "mean": v.mean().item(), "std": v.std(unbiased=False).item(), "min": v.min().item(), "max": v.max().item(),
            "absmax": absmax, "torch_f32_error": (v - w.double()).abs().max().item() / absmax,
        })
        tensors[layer] = v.reshape(-1)[torch.from_numpy(seeded.sample_positions(layer, v.numel()))].numpy()
    assert [l["name"] for l in layers] == get_graph_node_names(exact)[1]
    safetensors_file.write(os.path.join(HERE, name + ".safetensors"), tensors, {
        "network": name, "seed": "0", "torch": torch.__version__, "torchvision": torchvision.__version__,
        "layers": json.dumps(layers, separators=(",", ":")),
    })
    worst = max(layers, key=lambda l: l["torch_f32_error"])
    print(f"{name}: {len(layers)} layers, largest value {max(l['absmax'] for l in layers):.4g},"
          f" PyTorch float32's worst error {worst['torch_f32_error']:.2e} at {worst['name']}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        for name in sys.argv[1:] or NETWORKS:
            golden(name)
