"""ResNet-50 features of photographs by torchvision's whole pipeline, with seeded weights (seeded.py).

    python3 make_photographs.py [FOLDER]

FOLDER: by default images under FEATX_DATA (else ../shared/data beside the project). Pillow opens each picture and converts
it to RGB; Resize(256), CenterCrop(224), ToTensor, Normalize (ImageNet); float32 network; the 2048 values of `flatten` go into
photographs-resnet50.safetensors as float16, one tensor per file name.

Compare centred: subtract the mean feature of all photographs from both sides, then take the cosine. With random weights
every picture's features point in nearly one direction (cosine 0.995 and more between different photographs, see
__metadata__), so the plain cosine hardly sees a wrong pipeline: over 20 of the photographs its minimum was 0.99998 with
bicubic instead of bilinear and 0.99996 with the crop one pixel off, where the centred one fell to 0.43 and 0.91. Errors of
at most 1 of 255 in every pixel leave the centred cosine at 0.9995, this file's rounding to float16 at 0.99998.
Needs torch, torchvision and Pillow (made with 1.13, 0.14 and 9.4).
"""
import os
import sys

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms

import safetensors_file
import seeded

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DATA = os.environ.get("FEATX_DATA") or os.path.join(os.path.dirname(ROOT), "shared", "data")


def main(folder=os.path.join(DATA, "images")):
    torch.set_num_threads(1)
    model = seeded.fill(torchvision.models.resnet50(weights=None)).eval()
    model.fc = torch.nn.Identity()
    pipeline = transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])
    features = {}
    with torch.no_grad():
        for name in sorted(os.listdir(folder)):
            picture = Image.open(os.path.join(folder, name)).convert("RGB")
            features[name] = model(pipeline(picture)[None])[0].numpy()
    rows = np.stack(list(features.values())).astype(np.float64)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    between = (unit @ unit.T)[~np.eye(len(unit), dtype=bool)]
    stats = {"largest_value": f"{np.abs(rows).max():.6g}",
             "cosine_between_photographs": f"min {between.min():.6f} median {np.median(between):.6f} max {between.max():.6f}"}
    half = {name: f.astype(np.float16) for name, f in features.items()}
    if not all(np.isfinite(f).all() for f in half.values()):
        raise SystemExit("a feature does not fit into float16")
    safetensors_file.write(os.path.join(HERE, "photographs-resnet50.safetensors"), half, {
        "network": "resnet50", "layer": "flatten", "seed": "0", "torch": torch.__version__,
        "torchvision": torchvision.__version__, "pillow": PIL.__version__, **stats,
    })
    print(len(features), "photographs;", stats)


if __name__ == "__main__":
    main(*sys.argv[1:])
