"""Small models of every layer that featx imports, written by Keras itself, and what Keras computes with them: what models_test.go compares with.

    python3 make_models.py keras3      (keras 3, on TensorFlow)
    python3 make_models.py keras2      (tf_keras)

Writes DIR/MODEL.h5.gz and DIR/MODEL.keras.gz, a few of them as TensorFlow.js models (DIR/MODEL.tfjs/), and DIR/expected.safetensors.gz, where DIR is the argument: for each model the tensor
MODEL:input and a tensor MODEL:LAYER for each layer, for two pictures, float32. Needs tensorflow-cpu, tf_keras and tensorflowjs
(made with TensorFlow 2.21, Keras 3.15, tf_keras 2.21).
"""
import gzip
import io
import json
import os
import shutil
import struct
import sys
import types

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
DIR = sys.argv[1]
KERAS3 = DIR == "keras3"
if KERAS3:
    import keras
else:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras as keras
import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, DIR)
L = keras.layers
rng = np.random.default_rng(7)
expected = {}


def inputs(*shape):
    return keras.Input(shape, name="picture")


def conv():
    x = i = inputs(13, 10, 6)
    a = L.Conv2D(8, 3, padding="same", activation="relu", name="same")(x)
    b = L.Conv2D(8, (3, 5), strides=(2, 3), padding="same", name="same_strided")(a)
    c = L.Conv2D(6, 3, strides=2, padding="valid", use_bias=False, name="valid")(a)
    d = L.Conv2D(6, 3, dilation_rate=2, padding="same", activation="tanh", name="dilated")(a)
    e = L.Conv2D(8, 3, groups=2, padding="same", name="grouped")(a)
    f = L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same", activation="sigmoid", name="depthwise")(a)
    g = L.DepthwiseConv2D((2, 4), padding="valid", use_bias=False, name="depthwise_valid")(a)
    h = L.SeparableConv2D(5, 3, strides=2, depth_multiplier=2, padding="same", activation="relu", name="separable")(a)
    j = L.SeparableConv2D(5, 3, use_bias=False, name="separable_plain")(a)
    outs = [b, c, d, e, f, g, h, j]
    for k in (1, 2, 3, 4, 5):
        for s in (1, 2, 3):
            for p in ("same", "valid"):
                if k < s and p == "same":
                    continue
                outs.append(L.Conv2DTranspose(3, k, strides=s, padding=p, activation="relu" if k == 3 else None, name=f"transpose_{k}_{s}_{p}")(c))
    outs.append(L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1, name="transpose_out_same")(c))
    outs.append(L.Conv2DTranspose(3, (3, 4), strides=(2, 3), padding="valid", output_padding=1, name="transpose_out_valid")(c))
    outs.append(L.Dense(4, activation="relu", name="dense_on_map")(c))
    return keras.Model(i, outs, name="conv")


def pool():
    i = inputs(11, 8, 5)
    x = L.Conv2D(4, 1, name="conv")(i)
    outs = []
    for name, cls in (("max", L.MaxPooling2D), ("avg", L.AveragePooling2D)):
        for size, stride in ((2, None), (3, 2), (3, 1), ((2, 3), (3, 2))):
            for p in ("same", "valid"):
                outs.append(cls(size, stride, padding=p, name=f"{name}_{size}_{stride}_{p}".replace(" ", "").replace("(", "").replace(")", "").replace(",", "x"))(x))
    for keep in (False, True):
        outs.append(L.GlobalAveragePooling2D(keepdims=keep, name=f"global_avg_{keep}")(x))
        outs.append(L.GlobalMaxPooling2D(keepdims=keep, name=f"global_max_{keep}")(x))
    outs += [L.ZeroPadding2D(2, name="pad")(x), L.ZeroPadding2D((1, 2), name="pad_pair")(x), L.ZeroPadding2D(((1, 2), (3, 0)), name="pad_sides")(x)]
    outs += [L.Cropping2D(2, name="crop")(x), L.Cropping2D((1, 2), name="crop_pair")(x), L.Cropping2D(((1, 2), (3, 0)), name="crop_sides")(x)]
    outs += [L.UpSampling2D(2, name="up")(x), L.UpSampling2D((2, 3), name="up_pair")(x), L.UpSampling2D((2, 3), interpolation="bilinear", name="up_bilinear")(x)]
    outs += [L.Resizing(7, 13, name="resize")(x), L.Resizing(22, 5, interpolation="nearest", name="resize_nearest")(x)]
    return keras.Model(i, outs, name="pool")


def norm():
    i = inputs(5, 4, 6)
    outs = []
    x = L.Rescaling(1 / 127.5, offset=-1, name="rescaling")(i)
    adapted = L.Normalization(axis=-1, name="adapted")
    adapted.adapt(rng.normal(2, 3, (8, 5, 4, 6)).astype("float32"))
    outs.append(adapted(x))
    outs.append(L.Normalization(axis=-1, mean=[.1, .2, .3, .4, .5, .6], variance=[1., 2., 3., 4., 5., 6.], name="given")(x))
    for scale in (True, False):
        for center in (True, False):
            outs.append(L.BatchNormalization(scale=scale, center=center, epsilon=1.001e-5 if scale else 1e-3, name=f"bn_{scale}_{center}")(x))
            outs.append(L.LayerNormalization(scale=scale, center=center, epsilon=1e-6, name=f"ln_{scale}_{center}")(x))
    frozen = L.BatchNormalization(name="bn_frozen")
    frozen.trainable = False
    outs.append(frozen(x))
    for groups in (1, 2, 6, -1):
        outs.append(L.GroupNormalization(groups, name=f"gn_{groups}".replace("-", "all"))(x))
    outs.append(L.UnitNormalization(name="unit")(x))
    v = L.Flatten(name="flatten")(x)
    outs.append(L.BatchNormalization(name="bn_vector")(v))
    outs.append(L.LayerNormalization(name="ln_vector")(L.Dense(7, name="dense")(v)))
    return keras.Model(i, outs, name="norm")


def activations():
    i = inputs(6, 5, 4)
    x = L.Conv2D(4, 1, name="conv")(i)
    outs = []
    names = ["linear", "relu", "sigmoid", "tanh", "softmax", "elu", "selu", "softplus", "softsign", "exponential", "hard_sigmoid", "swish", "gelu", "mish"]
    if KERAS3:
        names += ["relu6", "silu", "leaky_relu", "hard_silu", "hard_swish", "log_softmax", "celu", "hard_tanh", "log_sigmoid"]
    for n in names:
        outs.append(L.Activation(n, name=f"act_{n}")(x))
        outs.append(L.Conv2D(3, 2, activation=n, name=f"conv_{n}")(x))
        outs.append(L.Dense(3, activation=n, name=f"dense_{n}")(x))
    outs += [L.ReLU(name="relu")(x), L.ReLU(6.0, name="relu6")(x), L.ReLU(1.5, negative_slope=.1, name="relu_both")(x), L.ReLU(threshold=.5, name="relu_threshold")(x)]
    outs += [L.ReLU(2.0, threshold=.5, name="relu_max_threshold")(x), L.LeakyReLU(name="leaky")(x), L.LeakyReLU(.07, name="leaky_small")(x), L.ELU(.7, name="elu")(x)]
    outs += [L.PReLU(shared_axes=[1, 2], name="prelu")(x), L.PReLU(shared_axes=[1, 2, 3], name="prelu_shared")(x), L.Softmax(name="softmax")(x)]
    if not KERAS3:
        outs += [L.ThresholdedReLU(.4, name="thresholded")(x)]
    return keras.Model(i, outs, name="activations")


def merge():
    i = inputs(6, 5, 4)
    a, b, c = (L.Conv2D(4, 3, padding="same", name=f"conv{k}")(i) for k in range(3))
    outs = [L.Add(name="add3")([a, b, c]), L.Subtract(name="minus")([a, b]), L.Multiply(name="times3")([a, b, c]), L.Average(name="mean3")([a, b, c])]
    outs += [L.Maximum(name="largest")([a, b, c]), L.Minimum(name="least")([a, b]), L.Concatenate(name="joined")([a, b, c, a])]
    s = L.GlobalAveragePooling2D(keepdims=True, name="squeeze")(a)
    s = L.Conv2D(2, 1, activation="relu", name="reduce")(s)
    s = L.Conv2D(4, 1, activation="sigmoid", name="expand")(s)
    outs.append(L.Multiply(name="excite")([a, s]))
    v = L.GlobalMaxPooling2D(name="vector")(b)
    outs.append(L.Concatenate(name="vectors")([v, L.GlobalAveragePooling2D(name="vector2")(a)]))
    outs.append(L.Add(name="flat")([L.Flatten(name="f1")(a), L.Flatten(name="f2")(b)]))
    outs.append(L.Concatenate(name="flat_joined")([L.Flatten(name="f3")(a), v]))
    # Python's operators, and functions of the framework.
    outs += [a + 3.0, 2.5 - b, b - 1.5, a * 0.5, 0.25 * b, c / 3.0, a + b, a - b, a * b, -a, a * s, tf_or_ops("relu")(a), tf_or_ops("relu6")(a * 4.0)]
    outs += [tf_or_ops("maximum")(a, 0.1), tf_or_ops("minimum")(b, 0.2), tf_or_ops("sigmoid")(c), a ** 2.0]
    outs.append(tf.reduce_mean(a, axis=[1, 2], keepdims=True) if not KERAS3 else keras.ops.mean(a, axis=[1, 2], keepdims=True))
    outs.append(tf.reduce_mean(b, [1, 2]) if not KERAS3 else keras.ops.mean(b, (1, 2)))
    outs.append(tf.nn.gelu(b) if not KERAS3 else keras.ops.gelu(b, approximate=False))
    outs.append(a[..., ::-1] if KERAS3 else a[:, :, :, ::-1])
    return keras.Model(i, outs, name="merge")


def tf_or_ops(name):
    if KERAS3:
        return getattr(keras.ops, name)
    return getattr(tf.nn, name) if name.startswith("relu") else getattr(tf, name)


def shape():
    i = inputs(6, 4, 8)
    x = L.Conv2D(8, 1, activation="relu", name="conv")(i)
    outs = [L.Reshape((4, 6, 8), name="map")(x), L.Reshape((3, -1, 16), name="open")(x), L.Permute((2, 1, 3), name="permute")(x), L.Permute((3, 1, 2), name="permute_all")(x)]
    outs.append(L.Reshape((192,), name="to_vector")(x))
    v = L.Flatten(name="flatten")(x)
    outs.append(L.Reshape((2, 3, 32), name="from_vector")(v))
    w = L.Dropout(.5, name="dropout")(L.Dense(10, activation="relu", name="fc")(v))
    w = L.Dense(5, name="logits")(w)
    outs.append(L.Activation("softmax", name="predictions")(w))
    return keras.Model(i, outs, name="shape")


def nested():
    i = inputs(8, 8, 3)
    stem = keras.Sequential([L.Conv2D(4, 3, padding="same", name="stem_conv"), L.BatchNormalization(name="stem_bn"), L.ReLU(name="stem_relu")], name="stem")
    j = keras.Input((8, 8, 4), name="inner_input")
    y = L.Conv2D(4, 3, padding="same", activation="relu", name="inner_conv")(j)
    y = L.BatchNormalization(name="inner_bn")(y)
    y = L.Add(name="inner_add")([y, j])
    block = keras.Model(j, y, name="block")
    frozen = keras.models.clone_model(block)
    frozen = keras.Model(frozen.input, frozen.output, name="frozen")
    frozen.trainable = False
    shared = L.Conv2D(4, 1, name="shared")
    x = stem(i)
    x = block(x)
    x = block(x)  # again: the same weights
    x = frozen(x)
    x = shared(x)
    x = L.ReLU(name="between")(x)
    x = shared(x)
    x = L.GlobalAveragePooling2D(name="pool")(x)
    x = L.Dense(3, activation="softmax", name="classes")(x)
    return keras.Model(i, x, name="nested")


def sequential():
    return keras.Sequential([
        keras.Input((12, 12, 3)), L.RandomFlip("horizontal", name="flip"), L.Rescaling(1 / 255, name="scale"), L.Conv2D(6, 3, activation="relu"), L.MaxPooling2D(),
        L.Conv2D(8, 3, activation="relu"), L.SpatialDropout2D(.2), L.GaussianNoise(.1), L.MaxPooling2D(), L.Flatten(), L.Dense(7, activation="relu"), L.Dropout(.5), L.Dense(3),
    ], name="sequential")


def open_size():
    i = keras.Input((None, None, 3), name="picture")
    x = L.Conv2D(4, 3, strides=2, padding="same", name="conv")(i)
    x = L.MaxPooling2D(3, 2, padding="same", name="pool")(x)
    x = L.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    return keras.Model(i, x, name="open_size")


MODELS = {"conv": (conv, (13, 10, 6)), "pool": (pool, (11, 8, 5)), "norm": (norm, (5, 4, 6)), "activations": (activations, (6, 5, 4)), "merge": (merge, (6, 5, 4)),
          "shape": (shape, (6, 4, 8)), "nested": (nested, (8, 8, 3)), "sequential": (sequential, (12, 12, 3)), "open_size": (open_size, (9, 14, 3))}


def randomise(model):
    for w in model.weights:
        name = w.path if KERAS3 else w.name
        shape = tuple(w.shape)
        if "seed" in name or "count" in name or "adapted" in name or name.startswith(("mean", "variance")):
            continue
        if "variance" in name:
            v = rng.uniform(.5, 1.5, shape)
        elif "gamma" in name:
            v = rng.uniform(.5, 1.5, shape)
        elif len(shape) > 1:
            v = rng.normal(0, 1, shape) * (2 / np.prod(shape[:-1])) ** .5
        else:
            v = rng.normal(0, .2, shape)
        w.assign(v.astype("float32"))


def save(path, model):
    part = path + ".tmp" + path[path.rindex("."):]
    model.save(part)
    with open(part, "rb") as f, open(path + ".gz", "wb") as g:
        g.write(gzip.compress(f.read(), 9, mtime=0))
    os.remove(part)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    for name, (build, size) in MODELS.items():
        keras.backend.clear_session()
        model = build()
        randomise(model)
        x = rng.normal(0, 1, (2,) + size).astype("float32")
        if "sequential" in name or name == "norm":
            x = (x * 60 + 128).clip(0, 255).astype("float32")
        nodes = [l for l in (model.operations if KERAS3 and name != "sequential" else model.layers)]
        values = {}
        if name != "sequential":
            nodes = [l for l in nodes if l.__class__.__name__ != "InputLayer"]
            nodes = [n for n in nodes if not isinstance(n, keras.Model)]
            outputs = [n._inbound_nodes[0].outputs for n in nodes]
            outputs = [o[0] if isinstance(o, (list, tuple)) else o for o in outputs]
            results = keras.Model(model.inputs, outputs)(x, training=False)
            values = {n.name: np.asarray(r) for n, r in zip(nodes, results)}
            last = model(x, training=False)
            if not isinstance(last, (list, tuple)):
                values["output"] = np.asarray(last)
        else:
            y = x
            for l in nodes:
                y = l(y, training=False)
                values[l.name] = np.asarray(y)
        expected[f"{name}:input"] = x
        for k, v in values.items():
            expected[f"{name}:{k}"] = v.astype("float32")
        save(os.path.join(OUT, name + ".h5"), model)
        save(os.path.join(OUT, name + ".keras"), model)
        if name in ("conv", "sequential", "norm") and not KERAS3:
            np.object, np.bool, np.complex = object, bool, complex  # which tensorflowjs 3 asks of NumPy
            sys.modules.setdefault("tensorflow_hub", types.ModuleType("tensorflow_hub"))  # it asks for estimators, which are no more
            import tensorflowjs as tfjs
            for kind, q in (("tfjs", None), ("uint8", {"uint8": "*"}), ("uint16", {"uint16": "*"}), ("float16", {"float16": "*"})):
                if q and name != "conv":
                    continue
                tfjs.converters.save_keras_model(model, os.path.join(OUT, f"{name}.{kind}"), quantization_dtype_map=q, weight_shard_size_bytes=2500)
    header, data = {}, b""
    for k, v in expected.items():
        header[k] = {"dtype": "F32", "shape": list(v.shape), "data_offsets": [len(data), len(data) + v.nbytes]}
        data += np.ascontiguousarray(v).tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(OUT, "expected.safetensors.gz"), "wb") as f:
        f.write(gzip.compress(struct.pack("<Q", len(text)) + text + data, 9, mtime=0))


main()
