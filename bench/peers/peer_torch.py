"""PyTorch on the CPU, traced and frozen."""
from network import channels, is_identity, no_translation, params, sides

NAME = "PyTorch"
FIRST = "frozen"


def version():
    import torch
    return torch.__version__


def settings(threads, batch):
    return ["frozen", "frozen, channels last", "optimised", "optimised, channels last"]


class Session:
    """torch.jit.freeze, which folds batch normalisation, or torch.jit.optimize_for_inference, which also packs weights for oneDNN; in either memory layout."""

    def __init__(self, folder, threads, batch, setting, pictures, features=False):
        import torch
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        model = torch.jit.load(folder + ("/features.pt" if features else "/model.pt")).eval()
        self.input = torch.from_numpy(pictures)
        if "channels last" in setting:
            model = model.to(memory_format=torch.channels_last)
            self.input = self.input.to(memory_format=torch.channels_last)
        self.model = torch.jit.freeze(model)
        if "optimised" in setting:
            self.model = torch.jit.optimize_for_inference(self.model)

    def run(self):
        self.last = self.model(self.input)

    def output(self):
        return self.last.numpy()


def export(network):
    import torch
    for name, last in network.files.items():
        module = build(network, last)
        with torch.no_grad():
            torch.jit.save(torch.jit.trace(module, torch.zeros(network.input_shape(1)), check_trace=False), network.path(name + ".pt"))


def build(network, last):
    """featx's graph as a module whose forward runs it node by node."""
    import numpy as np
    import torch
    import torch.nn.functional as F
    nodes, weights, pixelwise = network.up_to(last), network.weights(), network.pixelwise()

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for n in nodes:
                for name in params(n).values():
                    self.register_buffer(name.replace(".", "_"), torch.from_numpy(np.array(weights[name])))

        def forward(self, x):
            values = {"input": {False: x}}  # name -> tensors in NCHW and NHWC, by whether it is the latter

            def value(name, nhwc):
                turned = values[name]
                if nhwc not in turned:
                    turned[nhwc] = turned[not nhwc].permute((0, 2, 3, 1) if nhwc else (0, 3, 1, 2))
                return turned[nhwc]

            for n in nodes:
                op, a, nhwc = n["op"], n.get("attrs", {}), n["name"] in pixelwise
                inputs = [value(i, nhwc) for i in n["inputs"]]
                x = inputs[0]
                param = lambda p: getattr(self, a[p].replace(".", "_")) if a.get(p) else None
                top, left, bottom, right = sides(a.get("pad", {}))
                if (top, left) != (bottom, right):
                    no_translation(n, "PyTorch with uneven padding", __file__)
                if op == "Conv2D":
                    y = F.conv2d(x, param("weight"), param("bias"), a["stride"], (top, left), a["dilation"], a["groups"])
                elif op == "Dense":
                    y = F.linear(x, param("weight"), param("bias"))
                elif op == "BatchNorm":
                    y = F.batch_norm(x, param("mean"), param("var"), param("gamma"), param("beta"), eps=a["eps"])
                elif op == "ReLU":
                    y = F.relu(x)
                elif op == "ReLU6":
                    y = F.relu6(x)
                elif op == "MaxPool":
                    y = F.max_pool2d(x, a["kernel"], a["stride"], (top, left), a["dilation"], a.get("ceil", False))
                elif op == "AvgPool":
                    y = F.avg_pool2d(x, a["kernel"], a["stride"], (top, left), a.get("ceil", False), a.get("count_pad", False))
                elif op == "GlobalAvgPool":
                    y = F.adaptive_avg_pool2d(x, 1)
                    y = torch.flatten(y, 1) if a.get("flatten") else y
                elif op == "LayerNorm":
                    y = F.layer_norm(x, x.shape[-1:], param("gamma"), param("beta"), a["eps"])
                elif op == "GELU":
                    y = F.gelu(x)
                elif op == "SiLU":
                    y = F.silu(x)
                elif op == "Sigmoid":
                    y = torch.sigmoid(x)
                elif op == "HardSwish":
                    y = F.hardswish(x)
                elif op == "HardSigmoid" and abs(a["alpha"] - 1 / 6) < 1e-6:
                    y = F.hardsigmoid(x)
                elif op == "Mul":
                    y = inputs[0] * inputs[1]
                elif op == "Scale":
                    y = x * param("scale").view(-1, 1, 1)
                elif op == "Slice":
                    first, end = channels(network, n)
                    y = x[:, first:end]
                elif op == "ChannelShuffle":
                    y = F.channel_shuffle(x, a["groups"])
                elif op == "Add":
                    y = inputs[0] + inputs[1]
                elif op == "Concat":
                    y = torch.cat(inputs, 1)
                elif op == "Flatten":
                    y = torch.flatten(x, 1)
                elif op == "Softmax":
                    y = torch.softmax(x, 1)
                elif is_identity(network, n):
                    y = x
                else:
                    no_translation(n, "PyTorch", __file__)
                values[n["name"]] = {nhwc: y}
            return y

    return Module().eval()
