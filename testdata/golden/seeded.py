"""Seeded full-size weights that Go (engine/arch/seeded.go) and Python compute alike, so that none are committed.

Element i (row-major, in PyTorch's shape) of the tensor NAME, with arithmetic modulo 2^64:

    h = fnv1a64(NAME) ^ seed
    z = splitmix64's finaliser of h + (i+1) * 0x9E3779B97F4A7C15
    u = (z >> 40) * 2^-24        in [0, 1), exact in float32
    s = 2u - 1                   in [-1, 1), exact in float32

By role, each rounded to float32 once:

    convolution or dense weight  s * float32(sqrt(6 / fan_in)), fan_in = product of shape[1:]   (He uniform)
    convolution of one channel   s * float32(sqrt(1 / fan_in)): depthwise ones stand beside layers without a ReLU, where He's
                                 factor would grow until ReLU6 cuts all off and rounding errors double from block to block
    bias                         s * 0.1f
    batch norm, layer norm       weight 0.5 + u, bias s * 0.2f, running_mean s * 0.1f, running_var 0.5 + u
      ... of EfficientNet and    weight times gain(NETWORK): what keeps the signal above rounding errors, and sigmoids from 0 and 1
      RegNet-Y
    ConvNeXt's layer scale       0.5 + u
    the network's input          s * 2, from the tensor name "input", NCHW

Run as a script, it prints the constants that the Go twin's test expects.
"""
import math

import numpy as np

GAMMA = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
CHUNK = 1 << 20  # elements at a time: keeps the uint64 temporaries in the cache


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for b in text.encode("utf-8"):
        h = (h ^ b) * 0x100000001B3 & MASK
    return h


def splitmix64(h, first, count):
    """Outputs first .. first+count-1 (counted from 1) of the splitmix64 stream that starts at h, as uint64."""
    start = (h + first * GAMMA) & MASK
    with np.errstate(over="ignore"):
        z = np.arange(count, dtype=np.uint64) * np.uint64(GAMMA) + np.uint64(start)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def values(name, shape, role, seed=0, gain=1):
    """The float32 tensor NAME; role is one of weight, bias, gamma, beta, mean, var, input."""
    n = math.prod(shape)
    out = np.empty(n, np.float32)
    h = fnv1a64(name) ^ seed
    one, half = np.float32(1), np.float32(0.5)
    scale = {
        "weight": lambda: weight_scale(shape[1:]),
        "bias": lambda: np.float32(0.1),
        "beta": lambda: np.float32(0.2),
        "mean": lambda: np.float32(0.1),
        "input": lambda: np.float32(2),
    }
    for i in range(0, n, CHUNK):
        part = out[i:i + CHUNK]
        u = (splitmix64(h, i + 1, len(part)) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
        part[:] = (half + u) * np.float32(gain) if role in ("gamma", "var") else (u + u - one) * scale[role]()
    return out.reshape(shape)


def weight_scale(inputs):
    """inputs is the shape of what one output sums up: (channels, height, width) or (features,)."""
    return np.float32(math.sqrt((1 if len(inputs) == 3 and inputs[0] == 1 else 6) / math.prod(inputs)))


def network_input(shape=(1, 3, 224, 224), seed=0):
    """The input picture, NCHW float32."""
    return values("input", shape, "input", seed)


def sample_positions(layer, n, samples=256):
    """Row-major NCHW positions at which a golden holds a layer of n elements: all up to `samples`, else that many by hash."""
    if n <= samples:
        return np.arange(n)
    return (splitmix64(fnv1a64("sample:" + layer), 1, samples) % np.uint64(n)).astype(np.int64)


def role_of(module, parameter):
    """The role of a parameter or buffer of a PyTorch module; None for num_batches_tracked."""
    if parameter == "layer_scale":
        return "gamma"
    if "Norm" in type(module).__name__:
        return {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "var"}.get(parameter)
    return parameter


def gain(network):
    """The factor of batch norm's weights in a network, by its name; EfficientNet-B5 to B7 are deep enough without one."""
    return 1.25 if "efficientnet_b0" <= network < "efficientnet_b5" else 0.75 if network.startswith(("efficientnet_v2", "regnet_y")) else 1


def fill(model, seed=0, gain=1):
    """Overwrites every parameter and buffer of a float32 PyTorch model with its seeded values."""
    import torch
    with torch.no_grad():
        for prefix, module in model.named_modules():
            for name, t in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
                role = role_of(module, name)
                if role:
                    full = f"{prefix}.{name}" if prefix else name
                    factor = gain if "BatchNorm" in type(module).__name__ and role == "gamma" else 1
                    t.copy_(torch.from_numpy(values(full, tuple(t.shape), role, seed, factor)))
    return model


if __name__ == "__main__":
    for name, shape, role, seed in [
        ("layer1.0.conv1.weight", (64, 64, 1, 1), "weight", 0),
        ("features.0.weight", (64, 3, 3, 3), "weight", 0),
        ("classifier.0.weight", (4096, 25088), "weight", 7),
        ("fc.bias", (1000,), "bias", 0),
        ("bn1.weight", (64,), "gamma", 0),
        ("bn1.bias", (64,), "beta", 0),
        ("bn1.running_mean", (64,), "mean", 0),
        ("bn1.running_var", (64,), "var", 0),
        ("input", (1, 3, 224, 224), "input", 0),
    ]:
        v = values(name, shape, role, seed).ravel()
        bits = ", ".join(f"0x{b:08x}" for b in v[[0, 1, len(v) - 1]].view(np.uint32))
        print(f"{name} {list(shape)} {role} seed {seed}: first, second, last bits {bits}")
    print("sample positions of layer1.0.add, n = 802816:", *sample_positions("layer1.0.add", 802816)[[0, 1, 255]])
