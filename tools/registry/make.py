"""The published weights of torchvision and Keras, as weights/registry_table.go.

    python3 make.py TORCHVISION > ../../weights/registry_table.go

TORCHVISION is the folder torchvision of an installed or unpacked torchvision; its sources are read, not run (made with 0.29.2).
Keras is asked: keras.applications is called for every network while its download is caught (made with Keras 3.15.1), since only
then it says which file and hash it wants. Needs Keras with any backend, 12 GB of memory and some minutes.
"""
import ast
import os
import re
import sys

DEFAULTS = {"resize_size": 256, "interpolation": "bilinear", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
NORMALISATIONS = {
    (DEFAULTS["mean"], DEFAULTS["std"]): "%s",
    ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)): "halves(%s)",
    ((0.48235, 0.45882, 0.40784), (1 / 255, 1 / 255, 1 / 255)): "vgg16Features(%s)",
}
FILES = ["alexnet", "convnext", "densenet", "efficientnet", "googlenet", "inception", "mnasnet", "mobilenetv2", "mobilenetv3", "regnet", "resnet",
         "shufflenetv2", "squeezenet", "vgg"]
# Keras's functions whose networks engine/arch spells with underscores.
SPELLING = [("v3", "_v3"), ("inceptionresnetv2", "inception_resnet_v2"), ("mobilenetv2", "mobilenet_v2"), ("v3l", "v3_l"), ("v3s", "v3_s"), ("nasnet", "nasnet_"),
            ("convnext", "convnext_")]
NETWORKS = {"inception_v3": "inception_v3_google", "googlenet": "googlenet_transform_input"}  # featx's names of the networks with transform_input


def value(node):
    """A literal, or a small expression of literals; an enum's member is its name in lower case."""
    if isinstance(node, ast.Attribute):
        return node.attr.lower()
    return eval(compile(ast.Expression(node), "", "eval"), {})


def torchvision(folder):
    for file in FILES:
        tree = ast.parse(open(os.path.join(folder, "models", file + ".py")).read())
        builders = {}
        for f in tree.body:
            if isinstance(f, ast.FunctionDef) and not f.name.startswith("_"):
                for a in f.args.args + f.args.kwonlyargs:
                    if a.arg == "weights":
                        builders[re.search(r"\w+_Weights", ast.unparse(a.annotation)).group()] = f.name
        for c in tree.body:
            if not isinstance(c, ast.ClassDef) or c.name not in builders:
                continue
            for member in c.body:
                if not isinstance(member, ast.Assign) or not isinstance(member.value, ast.Call):
                    continue
                arguments = {k.arg: k.value for k in member.value.keywords}
                url = value(arguments["url"])
                transform = {**DEFAULTS, **{k.arg: value(k.value) for k in arguments["transforms"].keywords}}
                size = next(value(v) for k, v in zip(arguments["meta"].keys, arguments["meta"].values) if k and value(k) == "_file_size")
                enum = member.targets[0].id
                network = builders[c.name]
                suffix = enum.lower().replace("imagenet1k_", "").replace("_v1", "").replace("_", "-")
                name = network if suffix == "v1" else network + "-" + suffix
                prefix = re.search(r"-([0-9a-f]{8,})\.pth$", url).group(1)
                recipe = f"torchvision({transform['resize_size']}, {transform['crop_size']})"
                if transform["interpolation"] != "bilinear":
                    recipe = f"{transform['interpolation']}({recipe})"
                recipe = NORMALISATIONS[tuple(transform["mean"]), tuple(transform["std"])] % recipe
                base, file_name = url.rsplit("/", 1)
                assert base == "https://download.pytorch.org/models"
                yield "torchvision/" + name, NETWORKS.get(network, network), recipe, round(size * 2**20), "", prefix, "torchvisionURL + " + quoted(file_name)


def keras():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import inspect

    import keras
    import numpy as np
    from keras.src.applications import imagenet_utils
    from keras.src.utils import file_utils

    class Caught(Exception):
        pass

    def catch(fname, origin, cache_subdir=None, file_hash="", **_):
        raise Caught(origin, file_hash, inspect.currentframe().f_back.f_locals["model"])

    file_utils.get_file = catch
    a = keras.applications
    pixels = np.arange(12, dtype="float32").reshape(1, 2, 2, 3) * 20
    for function in dir(a):
        if not function[0].isupper():
            continue
        build = getattr(a, function)
        preprocess = sys.modules[build.__module__].preprocess_input
        modes = [m for m in ["caffe", "tf", "torch"] if np.array_equal(preprocess(pixels.copy()), imagenet_utils.preprocess_input(pixels.copy(), mode=m))]
        if np.array_equal(preprocess(pixels.copy()), pixels):
            modes = ["raw"]
        assert len(modes) == 1, function
        for top in [True, False]:
            keras.backend.clear_session()
            try:
                build(weights="imagenet", include_top=top)
                raise SystemExit(function + " downloads nothing")
            except Caught as e:
                url, digest, model = e.args
            if top:
                size = model.input_shape[1] or 224  # MobileNetV3's is free; its weights' name says 224
            name = "keras/" + function.lower() + ("" if top else "-notop")
            md5, sha = (digest or "", "") if len(digest or "") != 64 else ("", digest)
            url = quoted(url)
            for base, constant in [("https://storage.googleapis.com/tensorflow/keras-applications/", "kerasURL"), ("https://storage.googleapis.com/keras-applications/", "kerasOldURL")]:
                url = url.replace('"' + base, constant + ' + "')
            network = function.lower()
            for plain, spelt in SPELLING:
                network = network.replace(plain, spelt)
            yield name, "keras/" + network, f'keras("{modes[0]}", {size})', model.count_params() * 4, md5, sha, url
            print(function, top, file=sys.stderr, flush=True)


def quoted(s):
    return '"' + s + '"'


if __name__ == "__main__":
    print("// Code generated by tools/registry/make.py; DO NOT EDIT.\n\npackage weights\n\n// published is the registry: name, network, recipe, bytes (about), MD5, SHA-256 or its beginning, URL.\nvar published = []Entry{")
    for name, network, recipe, size, md5, sha, url in [*torchvision(sys.argv[1]), *keras()]:
        print(f'\t{{"{name}", "{network}", {recipe}, {size}, "{md5}", "{sha}", {url}}},')
    print("}")
