"""ONNX Runtime's probabilities of photographs by the shared MobileNetV1 0.75 192.

    python3 make_onnx_mobilenet.py

Photographs are those of images under FEATX_DATA (else ../shared/data beside the project). Pillow opens each and converts it to RGB; the shorter
edge becomes 219 pixels (bilinear), the middle 192 x 192 are the input, x / 127.5 - 1. The 1001 probabilities go into onnx-mobilenet.safetensors,
one tensor per file name. Needs onnxruntime and Pillow (made with 1.32.0 and 13.0.0).
"""
import os

import numpy as np
import onnxruntime
import PIL
from PIL import Image

import safetensors_file

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get("FEATX_DATA") or os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(HERE))), "shared", "data")


def prepare(path, resize=219, crop=192):
    picture = Image.open(path).convert("RGB")
    w, h = picture.size
    size = (resize, int(resize * h / w)) if w <= h else (int(resize * w / h), resize)
    picture = picture.resize(size, Image.BILINEAR)
    left, top = (int(round((n - crop) / 2.0)) for n in size)
    picture = picture.crop((left, top, left + crop, top + crop))
    return (np.asarray(picture, np.float32) / np.float32(127.5) - 1).transpose(2, 0, 1)[None]


if __name__ == "__main__":
    session = onnxruntime.InferenceSession(os.path.join(DATA, "weights", "imagenet-mobilenet-v1-075-192.onnx"))
    folder = os.path.join(DATA, "images")
    out = {name: session.run(["probabilities"], {"image": prepare(os.path.join(folder, name))})[0][0] for name in sorted(os.listdir(folder))}
    safetensors_file.write(os.path.join(HERE, "onnx-mobilenet.safetensors"), out,
                           {"onnxruntime": onnxruntime.__version__, "pillow": PIL.__version__})
    print(len(out), "photographs")
