"""Small .npz files by NumPy, for the tests of sink/npy.

    python3 make.py

writes stored.npz and deflated.npz beside this script: arrays TYPE_ORDER with the values 0, 1, 2, ... in C order, times 0.5,
minus 3. Made with NumPy 1.24.
"""
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
arrays = {}
for kind in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]:
    for order in "CF":
        arrays[f"{kind.replace('<', 'little').replace('>', 'big')}_{order}"] = np.asarray(np.arange(24).reshape(2, 3, 4) * 0.5 - 3, kind, order)
arrays |= {"scalar": np.float64(1.5), "empty": np.zeros((0, 3), "<f4"), "names": np.array(["a", "bc"]), "integers": np.arange(3),
           "block/conv:0": np.ones((2, 1), "<f4"), "large_F": np.asarray(np.arange(12_000).reshape(3, 40, 100), "<f4", "F")}
np.savez(os.path.join(HERE, "stored.npz"), **{k: v for k, v in arrays.items() if k != "large_F"})
np.savez_compressed(os.path.join(HERE, "deflated.npz"), **arrays)
