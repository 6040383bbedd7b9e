"""Writes keras_layers.json.gz: the layers of the networks of keras.applications, for engine/arch/keras_test.go.

    python make_keras_layers.py [NETWORK...]

Needs Keras 3 (made with 3.15 on TensorFlow 2.21). Networks that are not named keep what the file has of them. A network is a list of lines
"name|output shape|weights' shapes|inputs" in the order in which Keras keeps its operations; include_top=False is stored as the number of lines that it
shares and those that follow. Nothing is downloaded: the networks are built as weights="imagenet" builds them, but what loads the weights does nothing.
"""
import gzip
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
from keras import applications as apps
from keras.src.models import Functional
from keras.src.utils import file_utils

file_utils.get_file = lambda *a, **k: ""
Functional.load_weights = lambda *a, **k: None

NETWORKS = {f"vgg{n}": (f"VGG{n}", 224, {}) for n in (16, 19)}
for n in (50, 101, 152):
    NETWORKS[f"resnet{n}"] = (f"ResNet{n}", 224, {})
    NETWORKS[f"resnet{n}v2"] = (f"ResNet{n}V2", 224, {})
NETWORKS["inception_v3"] = ("InceptionV3", 299, {})
NETWORKS["inception_resnet_v2"] = ("InceptionResNetV2", 299, {})
NETWORKS["xception"] = ("Xception", 299, {})
for n in (121, 169, 201):
    NETWORKS[f"densenet{n}"] = (f"DenseNet{n}", 224, {})
for function, name, alphas in (
    ("MobileNet", "mobilenet", (0.25, 0.5, 0.75, 1)),
    ("MobileNetV2", "mobilenet_v2", (0.35, 0.5, 0.75, 1, 1.3, 1.4)),
    ("MobileNetV3Small", "mobilenet_v3_small", (0.75, 1)),
    ("MobileNetV3Large", "mobilenet_v3_large", (0.75, 1)),
):
    for alpha in alphas:
        NETWORKS[name if alpha == 1 else f"{name}_{alpha:.2f}"] = (function, 224, {"alpha": float(alpha)})
for size in ("Small", "Large"):
    NETWORKS[f"mobilenet_v3_{size.lower()}_minimalistic"] = (f"MobileNetV3{size}", 224, {"minimalistic": True})
NETWORKS["nasnet_mobile"] = ("NASNetMobile", 224, {})
NETWORKS["nasnet_large"] = ("NASNetLarge", 331, {})
for n, size in enumerate((224, 240, 260, 300, 380, 456, 528, 600)):
    NETWORKS[f"efficientnetb{n}"] = (f"EfficientNetB{n}", size, {})
for n, size in (("b0", 224), ("b1", 240), ("b2", 260), ("b3", 300), ("s", 384), ("m", 480), ("l", 480)):
    NETWORKS[f"efficientnetv2{n}"] = (f"EfficientNetV2{n.upper()}", size, {})
for size in ("Tiny", "Small", "Base", "Large", "XLarge"):
    NETWORKS[f"convnext_{size.lower()}"] = (f"ConvNeXt{size}", 224, {})


def flat(model, prefix=""):
    """The operations of a model, nested ones in place, with the names of their inputs."""
    names = {}
    for op in model.operations:
        if isinstance(op, keras.layers.InputLayer):
            names[op.name] = None
            continue
        inputs = [t._keras_history.operation.name for t in op._inbound_nodes[-1].input_tensors]
        if isinstance(op, keras.Sequential):
            before = inputs
            for layer in op.layers:
                yield layer, f"{op.name}/{layer.name}", before
                before = [f"{op.name}/{layer.name}"]
            names[op.name] = before[0]
            continue
        yield op, op.name, [names.get(n, n) for n in inputs]


def lines(model):
    out = []
    for op, name, inputs in flat(model):
        shape = op.output.shape[1:]
        weights = [list(w.shape) for w in getattr(op, "weights", [])]
        out.append("|".join([name, "x".join(map(str, shape)), json.dumps(weights, separators=(",", ":"))[1:-1], ",".join(i or "input" for i in inputs)]))
    return out


def main():
    path = pathlib.Path(__file__).parent / "keras_layers.json.gz"
    all = json.loads(gzip.decompress(path.read_bytes())) if path.exists() else {}
    for name in sys.argv[1:] or NETWORKS:
        function, size, options = NETWORKS[name]
        both = []
        for top in (True, False):
            keras.backend.clear_session()
            weights = None if name.startswith("nasnet_large") else "imagenet"
            model = getattr(apps, function)(weights=weights, include_top=top, input_shape=(size, size, 3), **options)
            both.append(lines(model))
            if d := os.environ.get("CONFIGS"):
                pathlib.Path(d, f"{name}{'' if top else '-notop'}.json").write_text(model.to_json())
        top, notop = both
        same = next(i for i, line in enumerate(top + [None]) if i >= len(notop) or line != notop[i])
        all[name] = {"layers": top, "shared": same, "rest": notop[same:]}
        print(name, len(top), len(notop), flush=True)
    text = json.dumps(dict(sorted(all.items())), indent=0).encode()
    path.write_bytes(gzip.compress(text, 9, mtime=0))


main()
