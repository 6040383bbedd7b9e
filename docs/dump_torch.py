"""Every module's output in a PyTorch network, for `featx verify`.

    python3 dump_torch.py resnet18 resnet18.pth dump.npz

runs torchvision's network of that name with the state dict on seeded noise, in float64. For a network of your own, import dump().
"""
import sys

import numpy
import torch


def dump(model, x, path):
    """x is the preprocessed input, one row per picture."""
    arrays = {"__input__": x.float().numpy()}

    def record(name):
        def hook(module, inputs, output):
            if isinstance(output, torch.Tensor):
                key, calls = name, 0
                while key in arrays:  # a module that is called again: relu, relu_1, relu_2
                    calls += 1
                    key = f"{name}_{calls}"
                arrays[key] = output.float().numpy().copy()  # an in-place ReLU may overwrite it
        return hook

    hooks = [module.register_forward_hook(record(name)) for name, module in model.named_modules() if name]
    with torch.no_grad():
        model.eval().double()(x.double())
    for hook in hooks:
        hook.remove()
    numpy.savez(path, **arrays)


if __name__ == "__main__":
    import torchvision

    network, weights, path = sys.argv[1:]
    model = getattr(torchvision.models, network)(weights=None)
    model.load_state_dict(torch.load(weights, map_location="cpu"))
    size = 299 if network == "inception_v3" else 224
    dump(model, torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0)), path)
