"""The classes that PyTorch gives to the 5,000 CIFAR-10 test pictures with a ResNet checkpoint.

    python3 make_predictions.py CHECKPOINT OUT.txt [PICTURES]

CHECKPOINT is a CIFAR ResNet of 6n+2 layers (tools/train/cifar_resnet.py): a bare state_dict or one under "state_dict", with
or without "module." prefixes. PICTURES is a folder of class folders or a .tar.gz of one; by default cifar10/test.tar.gz
under FEATX_DATA (else ../shared/data beside the project). Pictures go in the order of folder name, then file name; RGB,
x/255, ImageNet mean and std, float32; classes are numbered in the order of the folders.

OUT.txt: lines that begin with # say what was run and how many are right; then one digit per picture, 100 in a line.
Needs torch and Pillow (made with 1.13 and 9.4).
"""
import hashlib
import io
import os
import sys
import tarfile

import numpy as np
import torch
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.environ.get("FEATX_DATA") or os.path.join(os.path.dirname(ROOT), "shared", "data")
sys.path.insert(0, os.path.join(ROOT, "tools", "train"))
from cifar_resnet import CifarResNet  # noqa: E402

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def pictures(path):
    """(folder, file name, bytes) of every picture in a folder or .tar.gz, sorted."""
    if os.path.isdir(path):
        found = [(os.path.basename(d), f, open(os.path.join(d, f), "rb").read()) for d, _, files in os.walk(path) for f in files]
    else:
        with tarfile.open(path) as tar:
            found = [(*m.name.split("/")[-2:], tar.extractfile(m).read()) for m in tar if m.isfile()]
    return sorted(p for p in found if p[1].lower().endswith((".jpg", ".jpeg", ".png")))


def load(path):
    state = torch.load(path, map_location="cpu")
    state = {k.removeprefix("module."): v for k, v in state.get("state_dict", state).items()}
    blocks = 1 + max(int(k.split(".")[1]) for k in state if k.startswith("layer1."))
    model = CifarResNet(6 * blocks + 2, len(state["linear.bias"]))
    model.load_state_dict(state)
    return model.float().eval()


def main(checkpoint, out, path=os.path.join(DATA, "cifar10", "test.tar.gz")):
    torch.set_num_threads(1)
    model, found, predicted = load(checkpoint), pictures(path), []
    classes = sorted({folder for folder, _, _ in found})
    truth = [classes.index(folder) for folder, _, _ in found]
    with torch.no_grad():
        for i in range(0, len(found), 100):
            batch = np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for _, _, data in found[i:i + 100]])
            x = ((batch.astype(np.float32) / 255 - MEAN) / STD).transpose(0, 3, 1, 2)
            predicted += model(torch.from_numpy(np.ascontiguousarray(x))).argmax(1).tolist()
    right = sum(p == t for p, t in zip(predicted, truth))
    with open(checkpoint, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    digits = "".join(map(str, predicted))
    with open(out, "w") as f:
        f.write(f"# {os.path.basename(checkpoint)} sha256 {digest}\n# right {right} of {len(truth)}\n")
        f.writelines(digits[i:i + 100] + "\n" for i in range(0, len(digits), 100))
    print(f"{out}: {right} of {len(truth)} right")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
