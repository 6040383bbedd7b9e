#!/usr/bin/python3
"""Writes views.json: SHA-256 of torchvision's float32 tensors of several views of source.png.

    python3 make_views.py

Keys: crop (center, five, ten), flip or plain, filter, shorter edge (0: not resized), height x width of the crop. flip has the views of the picture, then those of
torchvision's hflip of the resized picture. Tensors are views x height x width x 3. Needs torchvision and Pillow (made with 0.14 and 9.4; make.py says why not Pillow 13).
"""
import hashlib
import json
import os

import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode as M, functional as TF

HERE = os.path.dirname(os.path.abspath(__file__))
source = Image.open(os.path.join(HERE, "source.png")).convert("RGB")
prepare = T.Compose([T.ToTensor(), T.Normalize([.485, .456, .406], [.229, .224, .225])])
hashes = {}
for turned in (False, True):
    im = source.transpose(Image.ROTATE_90) if turned else source
    for edge, size in ((64, (56, 56)), (73, (40, 33)), (40, (31, 40)), (98, (1, 2)), (0, (97, 98)), (0, (60, 61)), (30, (40, 33)), (31, (32, 44))):
        for mode, filter in dict(bilinear=M.BILINEAR, bicubic=M.BICUBIC, nearest=M.NEAREST).items():
            resized = T.Resize(edge, filter)(im) if edge else im
            for crop, make in dict(center=lambda p: [T.CenterCrop(size)(p)], five=T.FiveCrop(size), ten=T.TenCrop(size)).items():
                if crop != "center" and (resized.height < size[0] or resized.width < size[1]):
                    continue
                for flip in ("plain",) if crop == "ten" else ("plain", "flip"):
                    views = [*make(resized), *(make(TF.hflip(resized)) if flip == "flip" else ())]
                    x = torch.stack([prepare(v) for v in views]).permute(0, 2, 3, 1).contiguous().numpy()
                    hashes[f"{'turned ' if turned else ''}{crop} {flip} {mode} {edge} {size[0]}x{size[1]}"] = hashlib.sha256(x.tobytes()).hexdigest()
with open(os.path.join(HERE, "views.json"), "w") as f:
    json.dump(hashes, f, indent=1)
    f.write("\n")
print(len(hashes))
