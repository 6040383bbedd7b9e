"""The state dicts of torchvision's and timm's networks, without their values: state_dicts.json.gz.

    python3 make_state_dicts.py

A JSON object: network (featx's name) -> list of [tensor, type, shape...]. Needs torchvision (made with 0.14) and timm (1.0.31).
"""
import gzip
import json
import os

import timm
import torch
import torchvision

TIMM = {
    **{f"timm_vgg{n}": f"vgg{n}" for n in ("11", "13", "16", "19", "11_bn", "13_bn", "16_bn", "19_bn")},
    **{f"timm/{n}": n for n in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet50d", "resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2", "wide_resnet101_2")},
}


def nothing(t, *_, **__):
    return t


# Values are not wanted: the largest network would take minutes to fill.
for module in (torch.nn.init, timm.layers.weight_init):
    for name in dir(module):
        if name.endswith("_") and not name.startswith("_"):
            setattr(module, name, nothing)


def entries(model):
    return [[name, str(t.dtype).removeprefix("torch."), *t.shape] for name, t in model.state_dict().items()]


def main():
    all = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        if not name.startswith(("vit", "swin", "maxvit")):
            all[name] = entries(torchvision.models.get_model(name, weights=None, **({"init_weights": False} if name in ("googlenet", "inception_v3") else {})))
    for name, timms in TIMM.items():
        all[name] = entries(timm.create_model(timms))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "state_dicts.json.gz")
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as f:
        f.write(json.dumps(all, separators=(",", ":")).encode())


if __name__ == "__main__":
    main()
