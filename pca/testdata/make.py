"""What scikit-learn's PCA gives, for fit_test.go: sklearn.safetensors; and foreign.safetensors, a PCA file as docs/pca.md says how to write one from Python.

    python3 make.py

Needs scikit-learn, NumPy and safetensors (made with 1.9.1, 2.4.6 and 0.8).
"""
import os

import numpy as np
from safetensors.numpy import save_file
from sklearn.decomposition import PCA

here = os.path.dirname(os.path.abspath(__file__))
random = np.random.default_rng(7)


def features(rows, dims):
    """Like those of a network: correlated, of different scales, not negative, with a value that never changes."""
    x = random.normal(size=(rows, dims)) @ random.normal(size=(dims, dims)) * np.exp(-4 * np.arange(dims) / dims) + 1
    x = np.maximum(x, 0)
    x[:, 3] = 0.25
    return x.astype(np.float32)


out = {}
for name, rows, dims, n in ("tall", 300, 18, 7), ("wide", 9, 18, 6):
    x = features(rows, dims)
    out[name + ".x"] = x
    for whiten in False, True:
        pca = PCA(n_components=n, svd_solver="full", whiten=whiten).fit(x.astype(np.float64))
        out[f"{name}.{whiten}.projected"] = pca.transform(x.astype(np.float64))
    out[name + ".mean"] = pca.mean_
    out[name + ".components"] = pca.components_
    out[name + ".explained_variance"] = pca.explained_variance_
    out[name + ".explained_variance_ratio"] = pca.explained_variance_ratio_
    out[name + ".kept"] = np.array([len(PCA(share, svd_solver="full").fit(x.astype(np.float64)).components_) for share in (0.5, 0.9, 0.95, 0.999)], np.float64)
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, os.path.join(here, "sklearn.safetensors"))

x = out["tall.x"]
pca = PCA(n_components=5, whiten=True).fit(x)
save_file({"mean": pca.mean_, "components": np.ascontiguousarray(pca.components_), "explained_variance": pca.explained_variance_},
          os.path.join(here, "foreign.safetensors"), metadata={"whiten": "true", "l2": "false"})
save_file({"x": x, "projected": np.ascontiguousarray(pca.transform(x))}, os.path.join(here, "foreign.projected.safetensors"))
