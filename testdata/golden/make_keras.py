"""What Keras makes of the real networks in the shared data: what keras_accuracy_test.go compares with.

    python3 make_keras.py        writes mlperf-tiny-resnet8.predictions.txt and squeezenet-notop.safetensors beside this script

The first are the classes of the 5,000 CIFAR-10 test pictures, in the order of folder name, then file name, pixels 0..255: as make_predictions.py. The second are SqueezeNet's
features fire9/concat, averaged over the map, of the first 20 photographs in the order of their names: load_img(target_size=(227, 227)), caffe preprocessing. The
weights file holds no network; it is built here as keras-squeezenet 0.4 has it.
Needs tensorflow-cpu, tf_keras and Pillow (made with TensorFlow 2.21, Pillow 12). FEATX_DATA is the folder of the data, else ../shared/data beside the project.
"""
import hashlib
import io
import os
import tarfile

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_USE_LEGACY_KERAS="1", TF_ENABLE_ONEDNN_OPTS="0")
import numpy as np
import tf_keras as keras
from PIL import Image

import safetensors_file

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DATA = os.environ.get("FEATX_DATA") or os.path.join(os.path.dirname(ROOT), "shared", "data")
L = keras.layers


def resnet8():
    path = os.path.join(DATA, "weights", "mlperf-tiny-resnet8.h5")
    model = keras.models.load_model(path, compile=False)
    with tarfile.open(os.path.join(DATA, "cifar10", "test.tar.gz")) as tar:
        found = sorted((*m.name.split("/")[-2:], tar.extractfile(m).read()) for m in tar if m.isfile())
    classes = sorted({folder for folder, _, _ in found})
    x = np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for _, _, data in found]).astype("float32")
    predicted = model.predict(x, batch_size=100, verbose=0).argmax(1)
    right = sum(classes.index(folder) == p for (folder, _, _), p in zip(found, predicted))
    digits = "".join(map(str, predicted))
    with open(os.path.join(HERE, "mlperf-tiny-resnet8.predictions.txt"), "w") as f:
        f.write(f"# mlperf-tiny-resnet8.h5 sha256 {hashlib.sha256(open(path, 'rb').read()).hexdigest()}\n# right {right} of {len(found)}\n")
        f.write("".join(digits[i:i + 100] + "\n" for i in range(0, len(digits), 100)))


def squeezenet():
    x = i = keras.Input((227, 227, 3))
    x = L.Conv2D(64, 3, strides=2, padding="valid", name="conv1")(x)
    x = L.MaxPooling2D(3, 2)(L.ReLU()(x))
    for n, squeeze in zip(range(2, 10), (16, 16, 32, 32, 48, 48, 64, 64)):
        x = L.ReLU()(L.Conv2D(squeeze, 1, name=f"fire{n}/squeeze1x1")(x))
        a = L.ReLU()(L.Conv2D(4 * squeeze, 1, name=f"fire{n}/expand1x1")(x))
        b = L.ReLU()(L.Conv2D(4 * squeeze, 3, padding="same", name=f"fire{n}/expand3x3")(x))
        x = L.Concatenate()([a, b])
        if n in (3, 5):
            x = L.MaxPooling2D(3, 2)(x)
    model = keras.Model(i, L.GlobalAveragePooling2D()(x))
    model.load_weights(os.path.join(DATA, "weights", "squeezenet-imagenet-notop.h5"), by_name=True)
    folder = os.path.join(DATA, "images")
    names = sorted(n for n in os.listdir(folder) if n.lower().endswith((".jpg", ".jpeg")))[:20]
    x = np.stack([keras.utils.img_to_array(keras.utils.load_img(os.path.join(folder, n), target_size=(227, 227))) for n in names])
    x = keras.applications.imagenet_utils.preprocess_input(x, mode="caffe")
    safetensors_file.write(os.path.join(HERE, "squeezenet-notop.safetensors"), {"features": model.predict(x, verbose=0)}, {"names": "\n".join(names)})


resnet8()
squeezenet()
