#!/usr/bin/env python3
"""Small pictures in formats other than plain JPEG and PNG, and what Pillow makes of them.

Usage: make_formats.py [--check]

Writes formats/* and formats.json: of each file the size and SHA-256 of the pixels of Image.open(f).convert("RGB"),
and of ImageOps.exif_transpose of it where that differs. --check takes the files that are there, as encoders
differ by version. Made with Pillow 12.0.
"""
import hashlib, io, json, os, random, struct, sys, zlib
from PIL import Image, ImageOps, TiffImagePlugin

HERE = os.path.dirname(os.path.abspath(__file__))
CHECK = "--check" in sys.argv
SMALL = Image.open(os.path.join(HERE, "source.png")).convert("RGB").resize((23, 17), Image.LANCZOS)


def saved(im, kind, **options):
    b = io.BytesIO()
    im.save(b, kind, **options)
    return b.getvalue()


# --- orientation ------------------------------------------------------------------------

def exif(value, order="<", kind=3, before=()):
    """A TIFF structure with the orientation in its directory."""
    value = struct.pack(order + ("HH" if kind == 3 else "L"), *([value, 0] if kind == 3 else [value]))
    entries = [struct.pack(order + "HHL", tag, 3, 1) + struct.pack(order + "HH", 7, 0) for tag in before] + [struct.pack(order + "HHL", 0x112, kind, 1) + value]
    return struct.pack(order + "2sHLH", b"II" if order == "<" else b"MM", 42, 8, len(entries)) + b"".join(entries) + bytes(4)


def jpeg_with(*bodies):
    plain = saved(SMALL, "JPEG", quality=90)
    return plain[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(b) + 2) + b for b in bodies) + plain[2:]


def png_with(name, data, last=False):
    plain = saved(SMALL, "PNG")
    at = plain.rindex(b"IEND") - 4 if last else plain.index(b"IDAT") - 4
    return plain[:at] + struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) + plain[at:]


def oriented():
    for n in range(0, 10):
        yield f"exif-{n}.jpg", jpeg_with(b"Exif\0\0" + exif(n, "<>"[n % 2], before=[0x100, 0x101]))
        yield f"exif-{n}.png", png_with(b"eXIf", exif(n, "<>"[n // 2 % 2]), last=n % 2 == 1)
    xmp = lambda s: b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description " + s + b"</x:xmpmeta>"
    yield "exif-long.jpg", jpeg_with(b"Exif\0\0" + exif(6, kind=4))
    yield "exif-repeated.jpg", jpeg_with(b"Exif\0\0Exif\0\0" + exif(8))
    yield "exif-split.jpg", jpeg_with(b"Exif\0\0" + exif(5)[:15], b"Exif\0\0" + exif(5)[15:])
    yield "exif-none.jpg", jpeg_with(b"Exif\0\0" + exif(6).replace(b"\x12\x01", b"\x13\x01"))
    yield "xmp-attribute.jpg", jpeg_with(xmp(b'tiff:Orientation="6"/>'))
    yield "xmp-element.jpg", jpeg_with(xmp(b"><tiff:Orientation>3</tiff:Orientation>"))
    yield "xmp-and-exif.jpg", jpeg_with(xmp(b'tiff:Orientation="6"/>'), b"Exif\0\0" + exif(8))
    yield "xmp.png", png_with(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(b'tiff:Orientation="7"/>')[29:])
    yield "exif-mixed.jpg", jpeg_with(xmp(b'tiff:Orientation="6"/>'), b"Exif\0\0" + exif(8).replace(b"\x12\x01", b"\x13\x01"))


def hashed(im):
    im = im.convert("RGB")
    return f"{im.width}x{im.height} {hashlib.sha256(im.tobytes()).hexdigest()}"


def main():
    os.makedirs(os.path.join(HERE, "formats"), exist_ok=True)
    wanted = {}
    for kind in KINDS:
        for name, data in kind():
            path = os.path.join(HERE, "formats", name)
            if not CHECK:
                open(path, "wb").write(data)
            wanted[name] = {"pixels": hashed(Image.open(path))}
            upright = hashed(ImageOps.exif_transpose(Image.open(path)))
            if upright != wanted[name]["pixels"]:
                wanted[name]["upright"] = upright
    path = os.path.join(HERE, "formats.json")
    if not CHECK:
        json.dump(wanted, open(path, "w"), indent=0)
    elif json.load(open(path)) != wanted:
        sys.exit("formats.json differs")


KINDS = [oriented]
main()
