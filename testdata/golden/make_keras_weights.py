"""Writes weights-only files of keras.applications and Keras's own values of every layer, for tools/convert/keras/networks_golden_test.go.

    python make_keras_weights.py FOLDER [NETWORK...]

Needs Keras 3 with TensorFlow and tf-keras (made with 3.15, 2.21 and 2.21). For each network FOLDER gets NETWORK.keras2.h5 and NETWORK.keras2.weights.h5 (save_weights
of Keras 2), NETWORK.weights.h5 (of Keras 3, the same weights), and NETWORK.safetensors: a picture and each layer's value by its name in Keras 3. Weights are random. Without names it makes one network of
each family; the first, compressed, lies in
tools/convert/keras/testdata.
"""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tf_keras

import safetensors_file

NETWORKS = {  # function, input size, options
    "mobilenet_0.25": ("MobileNet", 32, {"alpha": 0.25}),
    "mobilenet_v2": ("MobileNetV2", 64, {}),
    "mobilenet_v3_small": ("MobileNetV3Small", 64, {}),
    "mobilenet_v3_large_minimalistic": ("MobileNetV3Large", 64, {"minimalistic": True}),
    "resnet50v2": ("ResNet50V2", 64, {}),
    "resnet50": ("ResNet50", 64, {}),
    "vgg16": ("VGG16", 32, {}),
    "densenet121": ("DenseNet121", 64, {}),
    "xception": ("Xception", 96, {}),
    "inception_v3": ("InceptionV3", 96, {}),
    "inception_resnet_v2": ("InceptionResNetV2", 96, {}),
    "nasnet_mobile": ("NASNetMobile", 96, {}),
    "nasnet_large": ("NASNetLarge", 96, {}),
    "efficientnetb0": ("EfficientNetB0", 64, {}),
    "efficientnetb3": ("EfficientNetB3", 75, {}),  # odd sizes on the way
    "efficientnetv2b0": ("EfficientNetV2B0", 64, {}),
    "efficientnetv2s": ("EfficientNetV2S", 64, {}),
    "convnext_tiny": ("ConvNeXtTiny", 64, {}),
}


def value(rng, name, shape):
    """A weight that keeps activations of deep networks in float32's comfortable range."""
    kind = name.split("/")[-1].split(":")[0]
    if kind in ("gamma", "moving_variance", "variance"):
        v = rng.uniform(0.5, 1.5, shape)
    elif kind in ("bias", "beta", "moving_mean", "mean"):
        v = rng.uniform(-0.1, 0.1, shape)
    elif kind == "count":
        return np.zeros(shape)
    else:
        fan = np.prod(shape[:3]) if len(shape) == 4 and "depthwise" not in kind else np.prod(shape[:2]) if len(shape) == 4 else shape[0]
        v = rng.uniform(-1, 1, shape) * np.sqrt((3 if "depthwise" in kind else 6) / fan)
    return v.astype(np.float16).astype(np.float32)  # which compresses


def main():
    folder = sys.argv[1]
    for name in sys.argv[2:] or NETWORKS:
        function, size, options = NETWORKS[name]
        top = function not in ("VGG16",)
        options = dict(options, weights=None, input_shape=(size, size, 3), include_top=top)
        if top:
            options["classes"] = 10
        keras.backend.clear_session()
        tf_keras.backend.clear_session()
        old = getattr(tf_keras.applications, function)(**options)
        new = getattr(keras.applications, function)(**options)
        rng = np.random.default_rng(1)
        layers = [l for l in old.layers if l.weights]
        for l in layers:
            l.set_weights([value(rng, w.name, tuple(w.shape)) for w in l.weights])
        fresh = [l for l in new.layers if l.weights]
        assert len(layers) == len(fresh)
        for a, b in zip(layers, fresh):
            b.set_weights(a.get_weights())
        old.save_weights(f"{folder}/{name}.keras2.h5")
        old.save_weights(f"{folder}/{name}.keras2.weights.h5")
        new.save_weights(f"{folder}/{name}.weights.h5")
        x = rng.uniform(-1, 1, (1, size, size, 3)).astype(np.float32)
        if function.startswith(("EfficientNet", "ConvNeXt", "MobileNetV3")):
            x = (x + 1) * 127.5
        kept = new.layers[1:]
        probe = keras.Model(new.inputs, [l.output for l in kept])
        out = {l.name: np.asarray(v)[0] for l, v in zip(kept, probe(x, training=False))}
        agree = np.abs(np.asarray(old(x, training=False)) - np.asarray(new(x, training=False))).max()
        out["input"] = x[0]
        safetensors_file.write(f"{folder}/{name}.safetensors", out, {})
        print(name, len(kept), agree, flush=True)


main()
