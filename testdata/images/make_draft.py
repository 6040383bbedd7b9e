#!/usr/bin/python3
"""Writes draft.json: SHA-256 of what Pillow 12's Image.draft makes of each JPEG file of this folder at 1/2, 1/4 and 1/8, as convert("RGB"), and of pictures that are resized after a
draft of at least twice the size, as Image.thumbnail does.

    python3 make_draft.py
"""
import glob, hashlib, json, os
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
FILTERS = dict(nearest=0, box=4, bilinear=2, hamming=5, bicubic=3, lanczos=1)


def sha(im):
    return hashlib.sha256(im.tobytes()).hexdigest()


drafts, resized = {}, {}
for path in sorted(glob.glob(os.path.join(HERE, "*.jpg"))):
    name = os.path.basename(path)
    for scale in (2, 4, 8):
        im = Image.open(path)
        if min(im.size) < 2 * scale:
            continue
        im.draft(None, (im.width // scale, im.height // scale))
        whole = Image.open(path).size
        assert im.size == tuple(-(-n // scale) for n in whole), (name, im.size, whole)
        drafts[f"{name} {scale}"] = sha(im.convert("RGB"))
for name, size in [("ship.jpg", (32, 24)), ("ship.jpg", (61, 45)), ("ship.jpg", (90, 93)), ("ship.jpg", (120, 80)), ("ship.jpg", (7, 5)), ("420-53x37.jpg", (5, 9)), ("422-53x37.jpg", (13, 9))]:
    for filter, number in FILTERS.items():
        im = Image.open(os.path.join(HERE, name))
        _, box = im.draft(None, (2 * size[0], 2 * size[1]))
        resized[f"{name} {filter} {size[1]}x{size[0]}"] = sha(im.convert("RGB").resize(size, number, box=box))
with open(os.path.join(HERE, "draft.json"), "w") as f:
    json.dump({"drafts": drafts, "resized": resized}, f, indent=0)
    f.write("\n")
