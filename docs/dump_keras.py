"""Every layer's output in a Keras model, for `featx verify`.

    python3 dump_keras.py model.keras dump.npz
    python3 dump_keras.py model.h5 dump.npz tf_keras        by Keras 2, for its files that Keras 3 does not load

runs the model (.keras or whole-model .h5) on seeded noise. For pictures of your own, import dump().
"""
import importlib
import sys

import keras
import numpy


def dump(model, x, path):
    """x is the preprocessed input, one row per picture: height, width, channels."""
    layers = [l for l in model.layers if type(l).__name__ != "InputLayer" and not isinstance(l.output, (list, tuple, dict))]
    outputs = keras.Model(model.inputs, [l.output for l in layers]).predict(x, verbose=0)
    if len(layers) == 1:
        outputs = [outputs]
    numpy.savez(path, __input__=x, **{l.name: y for l, y in zip(layers, outputs)})


if __name__ == "__main__":
    if len(sys.argv) > 3:
        keras = importlib.import_module(sys.argv[3])
    model = keras.models.load_model(sys.argv[1], compile=False)
    shape = [2] + [n or 224 for n in model.input_shape[1:]]
    # Noise of 0..255; a model that wants -1..1 is verified by it as well.
    dump(model, numpy.random.default_rng(0).uniform(0, 255, shape).astype("float32"), sys.argv[2])
