"""Networks of keras.applications as files that Keras itself writes, with what Keras computes: what applications_golden_test.go compares with.

    python3 make_applications.py keras3 ResNet50@96 ...      Keras 3: the whole model (.h5, .keras) and its weights alone (.weights.h5); the weights as Keras 2 writes them
                                                             (.old.weights.h5; .old.h5 is the older layout)
    python3 make_applications.py keras2 ResNet50@96 ...      tf_keras (Keras 2): the whole model (.h5), under its own names

@SIZE is the height and width of the picture that it computes. NAME-notop is the network without its top, its input's height and width open; NAME-half has weights that float16
holds, so that the file compresses; other options are the function's: MobileNet-alpha=0.25-classes=10. Weights of VGG alone are those of NAME-notop, as the top's depend on the size.
Writes NAME.KERAS.ENDING and NAME.KERAS.expected.safetensors into the folder of FEATX_GOLDENS_KERAS, otherwise featx-golden/keras-applications in the user's cache folder. Several GB for all: delete what is compared.
MobileNet-alpha=0.25-classes=10-half@32 lies, compressed, beside this script.

Weights: He normal (depthwise: 1 / fan-in), gammas 0.5 to 1.5, biases and betas normal of 0.2; the moving statistics are made of those of a batch of random pictures, which
keeps the signals of deep networks as large as those of trained ones.

The results are in float64, of one picture, for every layer of the model: its shape, its largest magnitude, the error of Keras's own float32 over that, and values at 256 places by hash
(testdata/golden/seeded.py), at the least and at the largest: a float64 tensor [2, n] of places and values.
Needs tensorflow-cpu and tf_keras (made with TensorFlow 2.21, Keras 3.15, tf_keras 2.21).
"""
import ast
import json
import os
import sys
import zlib

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
KIND = sys.argv[1]
if KIND == "keras3":
    import keras
else:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras as keras
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "..", "testdata", "golden"))
import safetensors_file
import seeded

CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
OUT = os.environ.get("FEATX_GOLDENS_KERAS") or os.path.join(CACHE, "featx-golden", "keras-applications")
# Networks that scale the bytes of a picture themselves.
BYTES = ("MobileNetV3", "EfficientNet", "ConvNeXt")


def build(name, size, dtype, keras=keras):
    keras.backend.clear_session()  # the numbers in layers' names start again
    keras.backend.set_floatx(dtype)
    network, *options = name.split("-")
    arguments = {"weights": None, "input_shape": (size, size, 3)}
    for option in options:
        key, _, value = option.partition("=")
        if key == "notop":
            arguments.update(include_top=False, input_shape=(None, None, 3))
        elif key != "half":
            arguments[key] = ast.literal_eval(value)
    return getattr(keras.applications, network)(**arguments)


def flat(model):
    """All layers, those of models in the model too."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from flat(layer)


def path_of(w):
    return getattr(w, "path", None) or w.name


def fill(model, pictures, half):
    for w in model.weights:
        name, shape = path_of(w), tuple(w.shape)
        kind = name.split("/")[-1].split(":")[0]
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        if "seed" in name or kind == "count":
            continue
        if kind in ("gamma", "variance", "moving_variance") or "layer_scale" in name:
            v = rng.uniform(.5, 1.5, shape)
        elif kind == "depthwise_kernel":
            v = rng.normal(0, np.prod(shape[:2]) ** -.5, shape)
        elif len(shape) > 1:
            v = rng.normal(0, (2 / np.prod(shape[:-1])) ** .5, shape)
        else:
            v = rng.normal(0, .2, shape)
        w.assign((v.astype("float16") if half else v).astype("float32"))
    finalize(model)
    norms = [l for l in flat(model) if isinstance(l, keras.layers.BatchNormalization)]
    momenta = [l.momentum for l in norms]
    for l in norms:
        l.momentum = 0.0
    if norms:
        model(pictures, training=True)
    for l, m in zip(norms, momenta):
        l.momentum = m
        # Most of the mean stays in the signal: noise has little but a mean, and dividing what is left by its deviation would amplify rounding errors from layer to layer.
        mean, variance = np.asarray(l.moving_mean), np.asarray(l.moving_variance)
        l.moving_mean.assign(np.float32(.3) * mean)
        l.moving_variance.assign(variance + mean * mean + np.float32(.05))


def finalize(model):
    for l in flat(model):
        if type(l).__name__ == "Normalization":
            l.finalize_state()  # what it computes with, of its weights


def save_old_weights(name, size, model, picture, base):
    """Writes the model's weights as Keras 2 does."""
    import tf_keras
    old = build(name, size, "float32", tf_keras)
    for a, b in zip([l for l in old.layers if l.weights], [l for l in model.layers if l.weights], strict=True):
        a.set_weights(b.get_weights())
    finalize(old)
    np.testing.assert_allclose(np.asarray(old(picture, training=False)), np.asarray(model(picture, training=False)), rtol=1e-3, atol=1e-5)
    for ending in ("weights.h5", "h5"):
        old.save_weights(f"{base}.old.{ending}")


def results(model, picture):
    layers = [l for l in getattr(model, "operations", model.layers) if type(l).__name__ != "InputLayer"]
    # A model in the model has nodes of its own; the last is the call in this model.
    outputs = [l._inbound_nodes[-1].outputs for l in layers]
    outputs = [o[0] if isinstance(o, (list, tuple)) else o for o in outputs]
    return {l.name: np.asarray(v) for l, v in zip(layers, keras.Model(model.inputs, outputs)(picture, training=False))}


def make(name, size):
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 255, (4, size, size, 3)).astype("float32")
    if not name.startswith(BYTES):
        pictures = pictures / np.float32(64) - np.float32(2)
    model = build(name, size, "float32")
    fill(model, pictures, "half" in name.split("-"))
    base = os.path.join(OUT, f"{name}.{KIND}")
    for ending in ("h5", "keras") if KIND == "keras3" else ("h5",):
        part = f"{base}.part.{ending}"
        model.save(part)
        os.replace(part, f"{base}.{ending}")
    if KIND == "keras3" and (not name.startswith("VGG") or "notop" in name):
        model.save_weights(base + ".weights.h5")
        save_old_weights(name, size, model, pictures[:1], base)
    float32, weights = results(model, pictures[:1]), model.get_weights()
    del model
    model = build(name, size, "float64")
    model.set_weights([w.astype("float64") if w.dtype == np.float32 else w for w in weights])
    finalize(model)
    layers, tensors = [], {"input": pictures[:1]}
    for layer, v in results(model, pictures[:1].astype("float64")).items():
        assert v.dtype == np.float64, (layer, v.dtype)
        largest = float(np.abs(v).max()) or 1.0  # a ReLU's may all be zero
        layers.append({"name": layer, "shape": list(v.shape), "largest": largest, "keras": float(np.abs(v - float32[layer]).max()) / largest})
        v = v.ravel()
        places = np.unique(np.append(seeded.sample_positions(layer, len(v)), [v.argmin(), v.argmax()]))
        tensors["layer:" + layer] = np.stack([places.astype("float64"), v[places]])
    safetensors_file.write(base + ".expected.safetensors", tensors, {"layers": json.dumps(layers)})
    print(f"{name} {KIND}: {len(layers)} layers, largest values {min(l['largest'] for l in layers):.2g} to {max(l['largest'] for l in layers):.2g}, "
          f"Keras's float32 {max(l['keras'] for l in layers):.2g}", flush=True)


os.makedirs(OUT, exist_ok=True)
for argument in sys.argv[2:]:
    network, _, edge = argument.partition("@")
    make(network, int(edge or 96))
