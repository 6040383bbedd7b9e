#!/usr/bin/env python3
"""Small pictures in formats other than plain JPEG and PNG, and what Pillow makes of them.

Usage: make_formats.py [--check] [KIND...]

Writes formats/* and formats.json: of each file the size and SHA-256 of the pixels of Image.open(f).convert("RGB"),
and of ImageOps.exif_transpose of it where that differs. --check takes the files that are there, as encoders
differ by version. KIND is one of oriented, bmps, gifs, webps, tiffs; the others stay as they are. Made with Pillow 12.0, TIFF with 12.3.
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


# --- TIFF -------------------------------------------------------------------------------

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 11: 4, 16: 8}


def tiff(fields, pieces, order="<", big=False, counts=True, tiles=False, magic=None):
    """fields: {tag: (kind, values)}; pieces: the bytes of strips or tiles, which come first."""
    place = 16 if big else 8
    body, offsets = b"", []
    for p in pieces:
        offsets.append(place + len(body))
        body += p + bytes(len(p) & 1)
    fields = dict(fields)
    fields[324 if tiles else 273] = (16 if big else 4, offsets)
    if counts:
        fields[325 if tiles else 279] = (4, [len(p) for p in pieces])
    inline, code = (8, "Q") if big else (4, "L")
    at = place + len(body)
    after = at + (8 if big else 2) + len(fields) * (20 if big else 12) + inline
    entries, more = b"", b""
    for tag, (kind, values) in sorted(fields.items()):
        letter = {1: "B", 2: "B", 3: "H", 4: "L", 5: "L", 7: "B", 11: "f", 16: "Q"}[kind]
        data = struct.pack(order + str(len(values)) + letter, *values)
        count = len(data) // SIZES[kind]
        if len(data) > inline:
            pointer = struct.pack(order + code, after + len(more))
            more += data + bytes(len(data) & 1)
        else:
            pointer = data + bytes(inline - len(data))
        entries += struct.pack(order + "HH" + code, tag, kind, count) + pointer
    name = b"II" if order == "<" else b"MM"
    head = name + (struct.pack(order + "HHHQ", 43, 8, 0, at) if big else struct.pack(order + "HL", 42, at))
    if magic:
        head = magic + head[len(magic):]
    return head + body + struct.pack(order + ("Q" if big else "H"), len(fields)) + entries + struct.pack(order + code, 0) + more


def squeezed(data, compression, w, h, bits, samples, photometric=None, **extra):
    """The only strip of a TIFF that libtiff writes of the bytes of rows."""
    mode = {(1, 1): "1", (8, 1): "L", (8, 3): "RGB", (8, 4): "CMYK", (16, 1): "I;16", (32, 1): "F"}[bits, samples]
    im = Image.frombytes(mode, (w, h), data)
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[278] = h
    for tag, value in extra.items():
        info[int(tag[1:])] = value
    out = saved(im, "TIFF", compression=compression, tiffinfo=info)
    back = Image.open(io.BytesIO(out))
    (at,), (n,) = back.tag_v2[273], back.tag_v2[279]
    return out[at:at + n], back.tag_v2


def packed(values, bits, order):
    """Rows of numbers as samples of so many bits."""
    out = b""
    for row in values:
        if bits < 8 or bits == 12:
            text = "".join(format(v, f"0{bits}b") for v in row)
            out += int(text + "0" * (-len(text) % 8), 2).to_bytes((len(text) + 7) // 8, "big")
        else:
            out += struct.pack(order + str(len(row)) + {8: "B", 16: "H", 32: "L"}[bits], *row)
    return out


def cut(rows, samples, x, y, w, h):
    """A tile of rows of samples, filled up with copies of the edge."""
    pick = lambda row: sum((row[samples * min(i, len(row) // samples - 1):][:samples] for i in range(x, x + w)), [])
    return [pick(rows[min(j, len(rows) - 1)]) for j in range(y, y + h)]


def plain_tiff(rows, bits, samples, photometric, order="<", planar=1, strip=5, tile=None, encode=None, compression=1, more=None, **options):
    """rows: lists of samples, pixel by pixel."""
    h, w = len(rows), len(rows[0]) // samples
    fields = {256: (3, [w]), 257: (4, [h]), 258: (3, [bits] * samples), 259: (3, [compression]), 262: (3, [photometric]), 277: (3, [samples]), 284: (3, [planar])}
    encode = encode or (lambda data, w, h, n: data)
    parts = []
    for plane in range(samples) if planar == 2 else [None]:
        flat = rows if plane is None else [row[plane::samples] for row in rows]
        n = samples if plane is None else 1
        if tile:
            fields[322], fields[323] = (3, [tile[0]]), (3, [tile[1]])
            parts += [encode(packed(cut(flat, n, x, y, *tile), bits, order), *tile, n) for y in range(0, h, tile[1]) for x in range(0, w, tile[0])]
        else:
            fields[278] = (3, [strip])
            parts += [encode(packed(flat[y:y + strip], bits, order), w, min(strip, h - y), n) for y in range(0, h, strip)]
    fields.update(more or {})
    return tiff(fields, parts, order, tiles=bool(tile), **options)


def tiffs():
    rng = random.Random(8)
    w, h = SMALL.size
    rgb = [list(SMALL.crop((0, y, w, y + 1)).tobytes()) for y in range(h)]
    grey = [list(SMALL.convert("L").crop((0, y, w, y + 1)).tobytes()) for y in range(h)]
    noise = lambda n, most=256: [[rng.randrange(most) for _ in range(n * w)] for _ in range(h)]
    with_alpha = lambda rows, a: [sum((row[3 * i:3 * i + 3] + a[y][i:i + 1] for i in range(w)), []) for y, row in enumerate(rows)]
    orders = (("ii", "<"), ("mm", ">"))
    colours = lambda bits: {320: (3, [rng.randrange(65536) for _ in range(3 << bits)])}
    for name, o in orders:
        for bits in (1, 2, 4, 8):
            few = [[v >> 8 - bits for v in row] for row in grey]
            for photometric in (0, 1):
                yield f"grey{bits}-{photometric}-{name}.tif", plain_tiff(few, bits, 1, photometric, o)
            yield f"palette{bits}-{name}.tif", plain_tiff(few, bits, 1, 3, o, more=colours(bits))
        yield f"rgb-{name}.tif", plain_tiff(rgb, 8, 3, 2, o)
        yield f"rgb16-{name}.tif", plain_tiff(noise(3, 65536), 16, 3, 2, o)
        yield f"rgba16-associated-{name}.tif", plain_tiff(noise(4, 65536), 16, 4, 2, o, more={338: (3, [1])})
        yield f"grey16-{name}.tif", plain_tiff([[v * 3 for v in row] for row in grey], 16, 1, 1, o)
        yield f"grey16-signed-{name}.tif", plain_tiff([[(v * 3 - 99) % 65536 for v in row] for row in grey], 16, 1, 1, o, more={339: (3, [2])})
        yield f"grey32-signed-{name}.tif", plain_tiff([[(v * 3 - 99) % 2**32 for v in row] for row in grey], 32, 1, 1, o, more={339: (3, [2])})
        if o == "<":
            floats = [[struct.unpack("<L", struct.pack("<f", rng.uniform(-20, 290)))[0] for _ in range(w)] for _ in range(h)]
            floats[3][:4] = [0x7fc00000, 0x7f800000, 0xff800000, 0x80000000]
        yield f"float-{name}.tif", plain_tiff(floats, 32, 1, 1, o, more={339: (3, [3])})
        yield f"cmyk-{name}.tif", plain_tiff(noise(4), 8, 4, 5, o)
        yield f"cmyk16-{name}.tif", plain_tiff(noise(4, 65536), 16, 4, 5, o)
        yield f"planes-{name}.tif", plain_tiff(rgb, 8, 3, 2, o, planar=2)
        yield f"orientation-{name}.tif", plain_tiff(rgb, 8, 3, 2, o, more={274: (3, [6])})
    yield "grey16-white-is-zero.tif", plain_tiff([[v * 3 for v in row] for row in grey], 16, 1, 0)
    yield "grey12.tif", plain_tiff([[v * 3 for v in row] for row in grey], 12, 1, 1)
    yield "grey32.tif", plain_tiff([[v * 3 + (v % 2 << 31) for v in row] for row in grey], 32, 1, 1)
    yield "grey-signed.tif", plain_tiff(grey, 8, 1, 1, more={339: (3, [2])})
    yield "grey-alpha.tif", plain_tiff(noise(2), 8, 2, 1, more={338: (3, [2])})
    yield "palette-alpha.tif", plain_tiff(noise(2), 8, 2, 3, more={338: (3, [2]), **colours(8)})
    yield "rgb-one-bits.tif", plain_tiff(rgb, 8, 3, 2, more={258: (3, [8])})
    yield "rgba-unsaid.tif", plain_tiff(noise(4), 8, 4, 2)
    for extra in ([0], [1], [2]):
        yield f"rgba-{extra[0]}.tif", plain_tiff(with_alpha(rgb, noise(1)), 8, 4, 2, more={338: (3, extra)})
    yield "rgb-extra-2.tif", plain_tiff(noise(5), 8, 5, 2, more={338: (3, [0, 0])})
    yield "rgb-associated-extra.tif", plain_tiff(noise(6), 8, 6, 2, more={338: (3, [1, 0, 0])})
    yield "cmyk-extra.tif", plain_tiff(noise(5), 8, 5, 5, more={338: (3, [0])})
    yield "planes-extra.tif", plain_tiff(noise(4), 8, 4, 2, planar=2, compression=8, encode=lambda data, *_: zlib.compress(data), more={338: (3, [0])})
    yield "planes-alpha.tif", plain_tiff(noise(4), 8, 4, 2, planar=2, more={338: (3, [2])})
    yield "planes-cmyk.tif", plain_tiff(noise(4), 8, 4, 5, planar=2)
    yield "fill-order.tif", plain_tiff([[int(format(v, "08b")[::-1], 2) for v in row] for row in grey], 8, 1, 1, more={266: (3, [2])})
    yield "big.tif", plain_tiff(rgb, 8, 3, 2, big=True)
    yield "magic-ii.tif", plain_tiff(rgb, 8, 3, 2, magic=b"II\0\x2a")
    yield "magic-mm.tif", plain_tiff(rgb, 8, 3, 2, order=">", magic=b"MM\x2a\0")
    yield "no-counts.tif", plain_tiff(rgb, 8, 3, 2, counts=False)
    yield "one-strip.tif", plain_tiff(rgb, 8, 3, 2, strip=h)
    yield "strip-larger.tif", plain_tiff(rgb, 8, 3, 2, strip=200)
    for t in ((16, 16), (32, 16), (16, 32), (64, 64)):
        yield f"tiles-{t[0]}x{t[1]}.tif", plain_tiff(rgb, 8, 3, 2, tile=t)
    yield "tiles-planes.tif", plain_tiff(rgb, 8, 3, 2, tile=(16, 16), planar=2)
    yield "tiles-grey1.tif", plain_tiff([[v >> 7 for v in row] for row in grey], 1, 1, 0, tile=(16, 16))
    yield "tiles-grey16.tif", plain_tiff([[v * 3 for v in row] for row in grey], 16, 1, 1, tile=(16, 16))

    def by(name, bits, **extra):
        return lambda data, w, h, n: squeezed(data, name, w, h, bits, n, **extra)[0]
    for name, code in (("tiff_lzw", 5), ("tiff_adobe_deflate", 8), ("packbits", 32773), ("zstd", 50000)):
        for bits, n, rows in ((1, 1, [[v >> 7 for v in row] for row in grey]), (8, 1, grey), (8, 3, rgb), (8, 4, noise(4)), (16, 1, [[v * 3 for v in row] for row in grey])):
            photometric = {1: 1, 3: 2, 4: 5}[n]
            yield f"{name}-{bits}x{n}.tif", plain_tiff(rows, bits, n, photometric, compression=code, encode=by(name, bits))
            if bits > 1 and name != "packbits":
                yield f"{name}-{bits}x{n}-predictor.tif", plain_tiff(rows, bits, n, photometric, compression=code, encode=by(name, bits, t317=2), more={317: (3, [2])})
        yield f"{name}-tiles.tif", plain_tiff(rgb, 8, 3, 2, tile=(16, 16), compression=code, encode=by(name, 8))
        yield f"{name}-planes.tif", plain_tiff(rgb, 8, 3, 2, planar=2, compression=code, encode=by(name, 8))
    yield "tiff_lzw-planes-predictor.tif", plain_tiff(rgb, 8, 3, 2, planar=2, compression=5, encode=by("tiff_lzw", 8, t317=2), more={317: (3, [2])})
    deflate = lambda data, *_: zlib.compress(data)
    yield "old-deflate.tif", plain_tiff(rgb, 8, 3, 2, compression=32946, encode=deflate)
    yield "deflate-no-counts.tif", plain_tiff(rgb, 8, 3, 2, compression=8, encode=deflate, counts=False, strip=h)
    def differences(size, order):
        letter = {2: "H", 4: "L"}[size]
        def encode(data, w, h, n):
            out = b""
            for y in range(h):
                row = struct.unpack(order + str(w * n) + letter, data[y * w * n * size:][:w * n * size])
                out += struct.pack(order + str(w * n) + letter, *row[:n], *((b - a) % 256**size for a, b in zip(row, row[n:])))
            return zlib.compress(out)
        return encode
    def float_differences(order):
        def encode(data, w, h, n):
            out = b""
            for y in range(h):
                row = struct.unpack(order + str(w * n) + "L", data[y * w * n * 4:][:w * n * 4])
                apart = [v >> s & 255 for s in (24, 16, 8, 0) for v in row]
                out += bytes(apart[:n] + [(b - a) % 256 for a, b in zip(apart, apart[n:])])
            return zlib.compress(out)
        return encode
    for name, o in orders:
        yield f"rgb16-predictor-{name}.tif", plain_tiff(noise(3, 65536), 16, 3, 2, o, compression=8, encode=differences(2, o), more={317: (3, [2])})
        yield f"rgb16-deflate-{name}.tif", plain_tiff(noise(3, 65536), 16, 3, 2, o, compression=8, encode=deflate)
        yield f"float-predictor-{name}.tif", plain_tiff(floats, 32, 1, 1, o, compression=8, encode=float_differences(o), more={317: (3, [3]), 339: (3, [3])})
        yield f"grey32-predictor-{name}.tif", plain_tiff([[(v * 3 - 99) % 2**32 for v in row] for row in grey], 32, 1, 1, o, compression=8, encode=differences(4, o), more={317: (3, [2]), 339: (3, [2])})

    source = Image.open(os.path.join(HERE, "source.png")).convert("L")
    stripes = Image.frombytes("L", (2700, 3), bytes(255 * (i * i // 3000 % 2) for i in range(2700)) + bytes(2700) + b"\xff" * 2700)
    for what, im in (("fax", SMALL.convert("L").point(lambda v: 255 * (v > 99), "1")), ("fax-dither", source.resize((131, 60)).convert("1")), ("fax-wide", stripes.convert("1"))):
        rows = [[v > 0 for v in im.crop((0, y, im.width, y + 1)).convert("L").tobytes()] for y in range(im.height)]
        for name, code, options in (("tiff_ccitt", 2, 0), ("group3", 3, 0), ("group3", 3, 1), ("group3", 3, 4), ("group3", 3, 5), ("group4", 4, 0)):
            more = {292: (4, [options])} if code == 3 else {}
            extra = {"t292": options} if options else {}
            flip = lambda data: bytes(int(format(v, "08b")[::-1], 2) for v in data)
            for photometric in (0, 1):
                yield f"{what}-{name}-{options}-{photometric}.tif", plain_tiff(rows, 1, 1, photometric, strip=20, compression=code, encode=by(name, 1, **extra), more=more)
            yield f"{what}-{name}-{options}-reversed.tif", plain_tiff(rows, 1, 1, 0, strip=im.height, compression=code, encode=lambda *a: flip(by(name, 1, **extra)(*a)), more={266: (3, [2]), **more})

    jpeg = lambda mode, sub=0: lambda data, w, h, n: saved(Image.frombytes(mode, (w, h), data), "JPEG", quality=80, subsampling=sub, **({"keep_rgb": True} if mode == "RGB" else {}))
    def ycc_jpeg(sub):
        return lambda data, w, h, n: saved(Image.frombytes("RGB", (w, h), data), "JPEG", quality=80, subsampling=sub)
    yield "jpeg-grey.tif", plain_tiff(grey, 8, 1, 1, strip=8, compression=7, encode=jpeg("L"))
    yield "jpeg-white-is-zero.tif", plain_tiff(grey, 8, 1, 0, strip=8, compression=7, encode=jpeg("L"))
    yield "jpeg-rgb.tif", plain_tiff(rgb, 8, 3, 2, strip=8, compression=7, encode=jpeg("RGB"))
    for sub, (sx, sy) in enumerate(((1, 1), (2, 1), (2, 2))):
        yield f"jpeg-ycc-{sx}{sy}.tif", plain_tiff(rgb, 8, 3, 6, strip=16, compression=7, encode=ycc_jpeg(sub), more={530: (3, [sx, sy])})
        yield f"jpeg-ycc-{sx}{sy}-tiles.tif", plain_tiff(rgb, 8, 3, 6, tile=(16, 16), compression=7, encode=ycc_jpeg(sub), more={530: (3, [sx, sy])})
    yield "jpeg-planes.tif", plain_tiff(rgb, 8, 3, 2, planar=2, strip=8, compression=7, encode=jpeg("L"))
    for quality in (30, 90):
        yield f"jpeg-pillow-{quality}.tif", saved(source.convert("RGB").resize((70, 50)), "TIFF", compression="jpeg", quality=quality)
    yield "jpeg-pillow-cmyk.tif", saved(SMALL.convert("CMYK"), "TIFF", compression="jpeg")
    yield "jpeg-pillow-grey.tif", saved(SMALL.convert("L"), "TIFF", compression="jpeg")

    def units(sx, sy):
        """Subsampled YCbCr as TIFF has it."""
        def encode(data, w, h, n):
            at = lambda x, y, c: data[3 * (min(y, h - 1) * w + min(x, w - 1)) + c]
            out = bytearray()
            for y in range(0, h, sy):
                for x in range(0, w, sx):
                    out += bytes(at(x + i, y + j, 0) for j in range(sy) for i in range(sx)) + bytes((at(x, y, 1), at(x, y, 2)))
            return zlib.compress(bytes(out))
        return encode
    for sx, sy in ((1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (1, 2), (4, 4)):
        yield f"ycc-{sx}{sy}.tif", plain_tiff(noise(3), 8, 3, 6, strip=8, compression=8, encode=units(sx, sy), more={530: (3, [sx, sy])})
    yield "ycc-22-tiles.tif", plain_tiff(noise(3), 8, 3, 6, tile=(16, 16), compression=8, encode=units(2, 2), more={530: (3, [2, 2])})
    studio = {530: (3, [1, 1]), 532: (5, sum(([v, 1] for v in (16, 235, 128, 240, 128, 240)), [])), 529: (5, [2126, 10000, 7152, 10000, 722, 10000])}
    yield "ycc-studio.tif", plain_tiff(noise(3), 8, 3, 6, strip=8, compression=8, encode=units(1, 1), more=studio)
    for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "I", "F", "I;16", "I;16B"):
        im = SMALL.convert("P").convert(mode) if mode == "PA" else SMALL.convert("I").convert(mode) if mode.startswith("I;") else SMALL.convert(mode)
        for compression in (None, "tiff_lzw"):
            if (mode, compression) != ("I;16B", "tiff_lzw"):
                yield f"pillow-{mode.replace(';', '')}{'-lzw' if compression else ''}.tif", saved(im, "TIFF", compression=compression)
    yield "pages.tif", saved(SMALL, "TIFF", save_all=True, append_images=[SMALL.rotate(90, expand=True)])
    for n in range(1, 10):
        yield f"orientation-{n}.tif", plain_tiff(rgb, 8, 3, 2, more={274: (3, [n])}, compression=8, encode=deflate)
    # What Pillow refuses, or shows as garbage: big-endian BigTIFF, numbers that libtiff has brought into another order, YCbCr without compression, 16-bit planes.
    yield "big-mm.tif", plain_tiff(rgb, 8, 3, 2, ">", big=True)
    raw = noise(3)
    unzipped = lambda *a: zlib.decompress(units(2, 2)(*a))
    yield "ycc-deflate.tif", plain_tiff(raw, 8, 3, 6, strip=8, compression=8, encode=units(2, 2), more={530: (3, [2, 2])})
    yield "ycc-raw.tif", plain_tiff(raw, 8, 3, 6, strip=8, encode=unzipped, more={530: (3, [2, 2])})
    deep = noise(3, 65536)
    yield "deep.tif", plain_tiff(deep, 16, 3, 2)
    yield "deep-planes.tif", plain_tiff(deep, 16, 3, 2, planar=2)
    yield "grey16-white-is-zero-mm.tif", plain_tiff([[v * 3 for v in row] for row in grey], 16, 1, 0, ">")
    yield "xmp.tif", plain_tiff(rgb, 8, 3, 2, more={700: (1, b'<x tiff:Orientation="6"/>')})


def hashed(im):
    im = im.convert("RGB")
    return f"{im.width}x{im.height} {hashlib.sha256(im.tobytes()).hexdigest()}"


# Files whose pixels have to be those of another one, as Pillow is no reference for them.
TWINS = {"float-predictor-mm.tif": "float-predictor-ii.tif", "grey32-predictor-mm.tif": "grey32-predictor-ii.tif", "big-mm.tif": "big.tif", "ycc-raw.tif": "ycc-deflate.tif",
         "deep-planes.tif": "deep.tif", "grey16-white-is-zero-mm.tif": "grey16-white-is-zero.tif"}


def main():
    os.makedirs(os.path.join(HERE, "formats"), exist_ok=True)
    chosen = [a for a in sys.argv[1:] if a != "--check"]
    kinds = [k for k in KINDS if not chosen or k.__name__ in chosen]
    path = os.path.join(HERE, "formats.json")
    before = json.load(open(path)) if os.path.exists(path) else {}
    wanted = dict(before) if chosen else {}
    for kind in kinds:
        for name, data in kind():
            path = os.path.join(HERE, "formats", name)
            if not CHECK:
                open(path, "wb").write(data)
            if name in TWINS:
                wanted[name] = wanted[TWINS[name]]
                continue
            wanted[name] = {"pixels": hashed(Image.open(path))}
            upright = hashed(ImageOps.exif_transpose(Image.open(path)))
            if upright != wanted[name]["pixels"]:
                wanted[name]["upright"] = upright
    path = os.path.join(HERE, "formats.json")
    if not CHECK:
        json.dump(wanted, open(path, "w"), indent=0)
    elif before != wanted:
        sys.exit("formats.json differs")


KINDS = [oriented, bmps, gifs, webps, tiffs]
main()
