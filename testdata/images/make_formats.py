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


# --- BMP --------------------------------------------------------------------------------

def bmp(bits, rows, size=40, compression=0, masks=(), palette=(), colors=None, top_down=False, offset=None, gap=b""):
    """rows: the bytes of the pixels as they are in the file."""
    w, h = SMALL.size
    entry = (lambda c: bytes(c[::-1])) if size == 12 else (lambda c: bytes(c[::-1]) + b"\0")
    if size == 12:
        header = struct.pack("<LHHHH", 12, w, h, 1, bits)
    else:
        header = struct.pack("<LlLHHLLLLLL", size, w, 2**32 - h if top_down else h, 1, bits, compression, len(rows), 2835, 2835, len(palette) if colors is None else colors, 0)
        header += b"".join(struct.pack("<L", m) for m in masks)
        header += bytes(max(0, size - len(header)))
    body = header + b"".join(map(entry, palette)) + gap
    return b"BM" + struct.pack("<LHHL", 14 + len(body) + len(rows), 0, 0, 14 + len(body) if offset is None else offset) + body + rows


def bmp_rows(bits, value, top_down=False):
    """value: the pixel at x, y as a number."""
    w, h = SMALL.size
    out = b""
    for y in range(h) if top_down else reversed(range(h)):
        if bits < 8:
            text = "".join(format(value(x, y), f"0{bits}b") for x in range(w))
            line = int(text + "0" * (-len(text) % 8), 2).to_bytes((len(text) + 7) // 8, "big")
        else:
            line = b"".join(value(x, y).to_bytes(bits // 8, "little") for x in range(w))
        out += line + bytes(-len(line) % 4)
    return out


def bmps():
    rng = random.Random(5)
    grey, rgb = SMALL.convert("L"), SMALL
    index = lambda bits: lambda x, y: grey.getpixel((x, y)) >> 8 - bits
    colours = [tuple(rng.randrange(256) for _ in range(3)) for _ in range(256)]
    ramp = [(i, i, i) for i in range(256)]
    pack = lambda shifts, extra=0: lambda x, y: sum(c << s for c, s in zip(rgb.getpixel((x, y)), shifts)) | extra
    for bits in (1, 4, 8):
        for size in (12, 40, 64, 124):
            yield f"{bits}-header{size}.bmp", bmp(bits, bmp_rows(bits, index(bits)), size, palette=colours[:1 << bits])
        yield f"{bits}-top-down.bmp", bmp(bits, bmp_rows(bits, index(bits), True), palette=colours[:1 << bits], top_down=True)
        yield f"{bits}-offset-wrong.bmp", bmp(bits, bmp_rows(bits, index(bits)), palette=colours[:1 << bits], offset=54)
        yield f"{bits}-offset-0.bmp", bmp(bits, bmp_rows(bits, index(bits)), palette=colours[:1 << bits], offset=0)
        yield f"{bits}-colours-0.bmp", bmp(bits, bmp_rows(bits, index(bits)), palette=colours[:1 << bits], colors=0)
    yield "4-palette-short.bmp", bmp(4, bmp_rows(4, index(4)), palette=colours[:9])
    yield "8-palette-short.bmp", bmp(8, bmp_rows(8, index(8)), palette=colours[:99])
    yield "8-grey.bmp", bmp(8, bmp_rows(8, index(8)), palette=ramp)
    yield "8-grey-short.bmp", bmp(8, bmp_rows(8, index(8)), palette=ramp[:99])
    yield "1-grey.bmp", bmp(1, bmp_rows(1, index(1)), palette=[(0, 0, 0), (255, 255, 255)])
    yield "1-grey-inverted.bmp", bmp(1, bmp_rows(1, index(1)), palette=[(255, 255, 255), (0, 0, 0)])
    yield "8-gap.bmp", bmp(8, bmp_rows(8, index(8)), palette=colours, gap=b"gap")
    for size in (12, 40, 108):
        yield f"24-header{size}.bmp", bmp(24, bmp_rows(24, pack((16, 8, 0))), size)
    yield "24-top-down.bmp", bmp(24, bmp_rows(24, pack((16, 8, 0)), True), top_down=True)
    yield "24-no-last-padding.bmp", bmp(24, bmp_rows(24, pack((16, 8, 0)))[:-3])
    yield "32.bmp", bmp(32, bmp_rows(32, pack((16, 8, 0), 0x80 << 24)))
    random16 = [[rng.randrange(1 << 16) for _ in range(23)] for _ in range(17)]
    deep = bmp_rows(16, lambda x, y: random16[y][x])
    yield "16.bmp", bmp(16, deep)
    for size in (40, 52, 56, 124):
        yield f"16-565-header{size}.bmp", bmp(16, deep, size, 3, (0xf800, 0x7e0, 0x1f))
        yield f"16-555-header{size}.bmp", bmp(16, deep, size, 3, (0x7c00, 0x3e0, 0x1f))
        yield f"32-masks-header{size}.bmp", bmp(32, bmp_rows(32, pack((24, 16, 8), 77)), size, 3, (0xff000000, 0xff0000, 0xff00))
    for i, masks in enumerate([(0xff000000, 0xff0000, 0xff00, 0xff), (0xff, 0xff00, 0xff0000, 0xff000000), (0xff0000, 0xff00, 0xff, 0xff000000), (0xff000000, 0xff00, 0xff, 0xff0000)]):
        yield f"32-alpha{i}.bmp", bmp(32, bmp_rows(32, lambda x, y: (x * 7919 + y * 104729 + x * y * 12345677) % 2**32), 124, 3, masks)
    w, h = SMALL.size
    for bits in (4, 8):  # runs, absolute pixels (not odd in 4 bits: Pillow loses one), ends of lines before the edge
        out = b""
        for y in reversed(range(h)):
            x = 0
            while x < w - y % 3:
                n = min(rng.randrange(1, 12), w - x)
                if rng.random() < .5 and n >= 4:
                    n &= ~3
                    line = [index(bits)(x + i, y) for i in range(n)]
                    out += bytes([0, n]) + (bytes(line) if bits == 8 else bytes(a << 4 | b for a, b in zip(line[::2], line[1::2])))
                else:
                    out += bytes([n, rng.randrange(256)])
                x += n
            out += b"\0\0"
        yield f"{bits}-rle.bmp", bmp(bits, out + b"\0\1", compression=1 if bits == 8 else 2, palette=colours[:1 << bits])


# --- GIF --------------------------------------------------------------------------------

def lzw(indices, width):
    """GIF's LZW with a code for every string, as encoders write it."""
    clear, codes, out, n = 1 << width, {}, 0, 0
    size = width + 1
    def put(code):
        nonlocal out, n
        out |= code << n; n += size
    put(clear)
    last = ()
    for i in indices:
        if len(last) == 0 or last + (i,) in codes:
            last += (i,)
            continue
        put(codes.get(last, last[0]))
        codes[last + (i,)] = clear + 2 + len(codes)
        if codes[last + (i,)] == 1 << size and size < 12:
            size += 1
        if len(codes) == 4096 - clear - 2:
            put(clear); codes = {}; size = width + 1
        last = (i,)
    put(codes.get(last, last[0])); put(clear + 1)
    data = out.to_bytes((n + 7) // 8, "little")
    return bytes([width]) + b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\0"


def gif(screen, frame, indices, width, palette=b"", local=b"", transparent=None, interlaced=False, background=0, version=b"89a", before=b"", after=b";"):
    flags = lambda p: 0x80 | (len(p) // 3 - 1).bit_length() - 1 if p else 0
    x, y, w, h = frame
    rows = [indices[i * w:(i + 1) * w] for i in range(h)]
    if interlaced:
        rows = rows[::8] + rows[4::8] + rows[2::4] + rows[1::2]
    control = b"" if transparent is None else b"!\xf9\4" + struct.pack("<BHBB", 1 | 2 << 2, 5, transparent, 0)
    return (b"GIF" + version + struct.pack("<HHBBB", *screen, flags(palette), background, 0) + palette + before + control +
            b"," + struct.pack("<HHHHB", x, y, w, h, flags(local) | (0x40 if interlaced else 0)) + local + lzw(sum(map(list, rows), []), width) + after)


def gifs():
    rng = random.Random(6)
    w, h = SMALL.size
    grey = list(SMALL.convert("L").tobytes())
    palette = lambda n: bytes(rng.randrange(256) for _ in range(3 * n))
    full = (0, 0, w, h)
    for bits in (1, 2, 4, 8):
        indices = [v >> 8 - bits for v in grey]
        for i in (False, True):
            yield f"{bits}{'-interlaced' if i else ''}.gif", gif((w, h), full, indices, max(2, bits), palette(1 << bits), interlaced=i)
    quarter = [v >> 4 for v in grey]
    yield "local.gif", gif((w, h), full, quarter, 4, palette(32), palette(16))
    yield "local-only.gif", gif((w, h), full, quarter, 4, local=palette(16))
    yield "no-palette.gif", gif((w, h), full, grey, 8, version=b"87a")
    yield "grey-palette.gif", gif((w, h), full, grey, 8, bytes(v // 3 for v in range(768)))
    yield "grey-palette-short.gif", gif((w, h), full, grey, 8, bytes(v // 3 for v in range(96)))
    yield "grey-local.gif", gif((w, h), full, grey, 8, local=bytes(v // 3 for v in range(96)))
    yield "palette-short.gif", gif((w, h), full, grey, 8, palette(64))
    yield "transparent.gif", gif((w, h), full, quarter, 4, palette(16), transparent=quarter[40])
    for name, screen, frame in (("part", (31, 29), (3, 5, w, h)), ("outside", (20, 9), (7, 2, w, h))):
        yield f"{name}.gif", gif(screen, frame, quarter, 4, palette(16), background=3)
        yield f"{name}-transparent.gif", gif(screen, frame, quarter, 4, palette(16), transparent=5, background=3)
        yield f"{name}-transparent-local.gif", gif(screen, frame, quarter, 4, palette(16), palette(32), transparent=21)
        yield f"{name}-no-palette.gif", gif(screen, frame, grey, 8, transparent=99)
    yield "transparent-beyond.gif", gif((31, 29), (3, 5, w, h), quarter, 4, palette(16), transparent=99)
    yield "extensions.gif", gif((w, h), full, quarter, 4, palette(16), before=b"!\xfe\5hello\5world\0!\xff\x0bNETSCAPE2.0\3\1\0\0\0")
    frames = [SMALL.rotate(90 * i) for i in range(3)]
    yield "animated.gif", saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
    noise = Image.frombytes("P", (120, 90), bytes(rng.randrange(256) for _ in range(120 * 90)))
    noise.putpalette(palette(256))
    yield "full-tables.gif", saved(noise, "GIF")


# --- WebP -------------------------------------------------------------------------------

def webps():
    rng = random.Random(7)
    source = Image.open(os.path.join(HERE, "source.png")).convert("RGB")
    alpha = Image.frombytes("L", SMALL.size, bytes(rng.randrange(256) for _ in range(23 * 17)))
    see_through = SMALL.copy(); see_through.putalpha(alpha)
    for w, h in ((23, 17), (24, 18), (1, 1), (2, 1), (1, 3), (70, 33)):
        for quality in (5, 60, 95):
            yield f"lossy-{quality}-{w}x{h}.webp", saved(source.resize((w, h)), "WEBP", quality=quality, method=rng.randrange(7))
        yield f"lossless-{w}x{h}.webp", saved(source.resize((w, h)), "WEBP", lossless=True)
    yield "lossless-few-colours.webp", saved(SMALL.quantize(5).convert("RGB"), "WEBP", lossless=True)
    for exact in (False, True):
        yield f"lossy-alpha{'-exact' if exact else ''}.webp", saved(see_through, "WEBP", quality=70, exact=exact)
        yield f"lossless-alpha{'-exact' if exact else ''}.webp", saved(see_through, "WEBP", lossless=True, exact=exact)
    for n in range(1, 9):
        yield f"exif-{n}.webp", saved(SMALL, "WEBP", quality=80, exif=b"Exif\0\0" + exif(n))
    yield "xmp.webp", saved(SMALL, "WEBP", quality=80, xmp=b'<x tiff:Orientation="6"/>')
    for lossless in (False, True):
        yield f"animated{'-lossless' if lossless else ''}.webp", saved(SMALL, "WEBP", lossless=lossless, save_all=True, append_images=[SMALL.rotate(180)])


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


KINDS = [oriented, bmps, gifs, webps]
main()
