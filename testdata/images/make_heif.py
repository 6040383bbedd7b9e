#!/usr/bin/env python3
"""Small AVIF and HEIC pictures, and what Pillow (AVIF) and pillow-heif (HEIC) make of them.

Writes heif/* and heif.json: of each file the size and the pixels (base64) of Image.open(f).convert("RGB"), and the orientation that
ImageOps.exif_transpose would apply. Made with Pillow 12.3 (libavif 1.4.2) and pillow-heif 1.8.1 (libheif 1.23.6).
"""
import base64, json, os
from PIL import Image
import pillow_heif

pillow_heif.register_heif_opener()
HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "heif")
SMALL = Image.open(os.path.join(HERE, "source.png")).convert("RGB").resize((31, 23), Image.LANCZOS)


def main():
    os.makedirs(OUT, exist_ok=True)
    alpha = SMALL.convert("RGBA")
    alpha.putalpha(SMALL.convert("L"))
    for sub in ("420", "422", "444"):
        SMALL.save(f"{OUT}/{sub}.avif", quality=80, subsampling=":".join(sub))
        pillow_heif.from_pillow(SMALL).save(f"{OUT}/{sub}.heic", quality=80, chroma=sub)
    SMALL.save(f"{OUT}/lossless.avif", quality=100, subsampling="4:4:4")
    SMALL.save(f"{OUT}/limited.avif", quality=80, subsampling="4:4:4", range="limited")
    SMALL.convert("L").save(f"{OUT}/grey.avif", quality=80)
    pillow_heif.from_pillow(SMALL.convert("L")).save(f"{OUT}/grey.heic", quality=80)
    alpha.save(f"{OUT}/alpha.avif", quality=80, subsampling="4:4:4")
    for n in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = n
        SMALL.save(f"{OUT}/exif-{n}.avif", quality=80, subsampling="4:4:4", exif=exif)
    wanted = {}
    for name in sorted(os.listdir(OUT)):
        im = Image.open(os.path.join(OUT, name))
        turn = im.getexif().get(0x112, 1)
        wanted[name] = {"width": im.width, "height": im.height, "orientation": turn, "pixels": base64.b64encode(im.convert("RGB").tobytes()).decode()}
    json.dump(wanted, open(os.path.join(HERE, "heif.json"), "w"), indent=0)


main()
