#!/usr/bin/python3
"""Milliseconds that Pillow takes for one JPEG photograph, on one thread: decoded, and with torchvision's recipe (resize 256, center crop 224), what comes behind which, the
normalisation, left out.

    python3 bench/pipeline/peer_pillow.py FOLDER [--rounds 5]

Beside it, in the same quiet minutes: go run ./bench/pipeline -decode FOLDER. The pictures are in memory. The median of the rounds counts.
"""
import argparse
import io
import os
import time

import PIL
from PIL import Image, features


def decoded(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def cropped(data):
    im = decoded(data)
    short = min(im.size)
    w, h = (256 * n // short for n in im.size)
    left, top = (w - 224) // 2, (h - 224) // 2
    return im.resize((w, h), Image.BILINEAR).crop((left, top, left + 224, top + 224))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--rounds", type=int, default=5)
    o = p.parse_args()
    pictures = [open(os.path.join(o.folder, name), "rb").read() for name in sorted(os.listdir(o.folder))]
    for work in (decoded, cropped):
        rounds = []
        for _ in range(o.rounds + 1):
            start = time.perf_counter()
            for data in pictures:
                work(data)
            rounds.append((time.perf_counter() - start) / len(pictures) * 1e3)
        rounds = sorted(rounds[1:])  # the first warms up
        print(f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}: {work.__name__:8} {rounds[len(rounds) // 2]:6.2f} ms")


if __name__ == "__main__":
    main()
