"""Every layer of stock networks in float64, as torchvision defines them, with seeded weights (seeded.py).

    python3 make_golden.py [--to FOLDER] [NAME[@SIZE]...]        default: the committed ones, beside this script

writes NAME.safetensors: for every node of the graph that torchvision's feature_extraction traces in eval mode a float64 tensor of that
name holding the node's values at seeded.sample_positions: 256 of them, 64 in networks of more than 100 nodes, 32 in those of more than
330. __metadata__.layers is a JSON list, in graph order, of {name, shape (NCHW), n, mean, std (population), min, max, absmax,
torch_f32_error}; all statistics are over the whole layer in float64; torch_f32_error is the largest |float32 run - float64 run| /
absmax, PyTorch's own rounding error. __metadata__.modules is a JSON object: for every module that is not a node itself (layer1,
layer1.0) the node that has the same values as the module's output. __metadata__.size is the input's height and width, if SIZE says
another than the network's own. Nodes that only look at shapes or move axes are left out, and values with the channels last are given as NCHW.
Needs torch and torchvision (made with 1.13 and 0.14), and timm (1.0.31) for the networks named timm_ and for resnet50d.
"""
import json
import math
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
NETWORKS = [
    "alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn",
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
    "wide_resnet50_2", "wide_resnet101_2", "resnet50d", "timm_vgg11_bn", "squeezenet1_0", "squeezenet1_1", "inception_v3_google",
    "googlenet_transform_input", "densenet121", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0",
    "efficientnet_v2_s@224", "shufflenet_v2_x1_0", "mnasnet1_0", "regnet_x_400mf", "regnet_y_400mf", "convnext_tiny",
]

# What get_model needs besides the name; featx calls a network with transform_input by another name than one without.
ARGUMENTS = {
    "inception_v3": {"init_weights": False},
    "inception_v3_google": {"name": "inception_v3", "transform_input": True, "init_weights": False},
    "googlenet": {"init_weights": False},
    "googlenet_transform_input": {"name": "googlenet", "transform_input": True, "init_weights": False},
}
SIZES = {
    "inception_v3": 299, "inception_v3_google": 299, "efficientnet_b1": 240, "efficientnet_b2": 288, "efficientnet_b3": 300, "efficientnet_b4": 380,
    "efficientnet_b5": 456, "efficientnet_b6": 528, "efficientnet_b7": 600, "efficientnet_v2_s": 384, "efficientnet_v2_m": 480, "efficientnet_v2_l": 480,
}

# Left out: the pieces of transform_input, of which featx has the result alone (cat); permutations; the views of a channel shuffle but its last.
PIECES = re.compile(r"(getitem|unsqueeze|mul|add)(_[12])?|.*\.(permute(_1)?|view|transpose|contiguous)")
SHAPES = re.compile(r".*\.(size|getitem(_[1-5])?|floordiv|chunk|getattr(_\d+)?|lt(_\d+)?|features_\w+|classifier_\w+)")  # nodes that are no values of the network
CHANNELS_LAST = re.compile(r".*\.layer_norm|features\.[1357]\.\d+\.block\.[2345]")  # in ConvNeXt


def iterate(self, proxy):
    """Python 3.11 has changed what torch 1.13 looks at to see how many values an assignment takes."""
    return iter([proxy[i] for i in range(4 if proxy.node.target == "size" else 2)])


NodePathTracer.iter = iterate
NodePathTracer.to_bool = lambda self, proxy: False  # the only branch: timm's VGG asks for maps of less than 7 x 7


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
            if isinstance(value, torch.Tensor) and node.op not in ("get_attr", "output"):
                yield self.names[node], value
            for dead in self.run.user_to_last_uses.get(node, []):
                del env[dead]


def build(name, dtype):
    if name.startswith("timm_") or name == "resnet50d":
        import timm
        model = timm.create_model(name.removeprefix("timm_"))
    else:
        model = torchvision.models.get_model(**{"name": name, **ARGUMENTS.get(name, {})}, weights=None)
    model = seeded.fill(model, gain=seeded.gain(name)).eval().to(dtype)
    for m in model.modules():  # an in-place ReLU would overwrite the layer before it
        if hasattr(m, "inplace"):
            m.inplace = False
    return model


def statistics(v):
    return {"mean": v.mean().item(), "std": v.std(unbiased=False).item(), "min": v.min().item(), "max": v.max().item(), "absmax": v.abs().max().item()}


def alike(a, b):
    """Whether statistics are of the same values, whose order may differ."""
    return all(a[k] == b[k] for k in ("min", "max")) and all(math.isclose(a[k], b[k], rel_tol=1e-9, abs_tol=1e-12 * a["absmax"]) for k in ("mean", "std"))


def module_statistics(model, x):
    """The statistics of each module's output, by the module's name, from a run without feature_extraction."""
    outputs = {}
    hooks = [m.register_forward_hook(lambda m, i, o, name=name: outputs.update({name: statistics(o)})) for name, m in model.named_modules() if name]
    model(x)
    for h in hooks:
        h.remove()
    return outputs


def golden(name, size, folder):
    edge = size or SIZES.get(name, 224)
    x = torch.from_numpy(seeded.network_input((1, 3, edge, edge)))
    exact, single = build(name, torch.float64), build(name, torch.float32)
    # Modules of torchvision.ops are single nodes to get_graph_node_names; here they are taken apart.
    known = get_graph_node_names(exact)[1]
    steps = Lockstep(exact, x.double())
    samples = 256 if len(steps.names) <= 100 else 64 if len(steps.names) <= 330 else 32
    nothing = {n for n, m in exact.named_modules() if isinstance(m, torch.nn.Identity)}
    tensors, layers, nodes = {}, [], []
    for (layer, v), (other, w) in zip(steps, Lockstep(single, x)):
        assert layer == other
        nodes.append(layer)
        if PIECES.fullmatch(layer) or layer in nothing:
            continue
        if CHANNELS_LAST.fullmatch(layer):
            v, w = v.permute(0, 3, 1, 2), w.permute(0, 3, 1, 2)
        s = statistics(v)
        layers.append({"name": layer, "shape": list(v.shape), "n": v.numel(), **s, "torch_f32_error": (v - w.double()).abs().max().item() / s["absmax"]})
        tensors[layer] = v.reshape(-1)[torch.from_numpy(seeded.sample_positions(layer, v.numel(), samples))].numpy()
    modules, kept = {}, {l["name"] for l in layers}
    for module, s in module_statistics(exact, x.double()).items():
        if module in nothing:
            continue
        same = [l["name"] for l in layers if alike(s, l)]
        assert same, module
        if module not in kept:
            modules[module] = ([n for n in same if n.startswith(module + ".")][-1:] or same)[0]
    lost = {n for n in known if not SHAPES.fullmatch(n)} - {*nodes, *modules}
    assert not lost, lost
    safetensors_file.write(os.path.join(folder, name + ".safetensors"), tensors, {
        "network": name, **({"size": str(size)} if size else {}), "seed": "0", "torch": torch.__version__, "torchvision": torchvision.__version__,
        "layers": json.dumps(layers, separators=(",", ":")), "modules": json.dumps(modules, separators=(",", ":")),
    })
    worst = max(layers, key=lambda l: l["torch_f32_error"])
    print(f"{name}: {len(layers)} layers, largest value {max(l['absmax'] for l in layers):.4g},"
          f" PyTorch float32's worst error {worst['torch_f32_error']:.2e} at {worst['name']}", flush=True)


def main(names):
    folder = HERE
    if names[:1] == ["--to"]:
        folder, names = names[1], names[2:]
    for name in names or NETWORKS:
        name, _, size = name.partition("@")
        golden(name, int(size or 0), folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        main(sys.argv[1:])
