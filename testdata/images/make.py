#!/usr/bin/python3
"""Draws the pictures of this folder and writes what Pillow makes of them.

    FEATX_DATA=../../../shared/data python3 make.py

ship.jpg     the README's picture: 500 x 375, drawn below
*.jpg, *.png one small picture for each kind of file; golden/*.png is Pillow's convert("RGB") of each
resize.json  SHA-256 of pixels that Pillow resized, and of torchvision's float32 tensors
samples.json pixels of ship.jpg and of the photographs in $FEATX_DATA/images, at SAMPLES
             places each: decoded, and after resize 256 and center crop 224

Needs numpy, torchvision and Pillow from 10.2 (to write restart markers) to 12: the goldens
come from 12.3. Pillow 9.4 and 13.0 give the same (--check compares, and writes nothing), but
that 13.0 resizes vertically first, and so differs in four cases of resize.json, where the
height shrinks by more than the width.
"""
import base64, hashlib, io, json, os, struct, sys, zlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

HERE = os.path.dirname(os.path.abspath(__file__))
CHECK = "--check" in sys.argv
SAMPLES = 500


def path_of(name):
    path = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def picture(name, data):
    """Writes a picture; --check takes the one that is there, as encoders differ by version. Returns it decoded."""
    if not CHECK:
        open(path_of(name), "wb").write(data)
    return Image.open(path_of(name)).convert("RGB")


def golden(name, value):
    """Writes, or checks, a golden: a picture, or a tree for JSON."""
    if isinstance(value, Image.Image):
        value = Image.fromarray(np.asarray(value))  # without what convert() carries along
        if not CHECK:
            return value.save(path_of(name), optimize=True)
        same = np.array_equal(np.asarray(Image.open(path_of(name))), np.asarray(value))
    else:
        text = json.dumps(value, indent=0)
        if not CHECK:
            return open(path_of(name), "w").write(text + "\n")
        same = json.load(open(path_of(name))) == value
    print("same" if same else "DIFFERS", name)


# --- the scene --------------------------------------------------------------------------

def scene(w=500, h=375, over=4):
    """A red and white ship on the sea, sailing to the right, as an RGB picture."""
    rng = np.random.default_rng(7)
    W, H = w * over, h * over
    horizon = int(.60 * H)
    y = np.linspace(0, 1, H)[:, None]
    x = np.linspace(0, 1, W)[None, :]

    def noise(cells_y, cells_x):
        small = Image.fromarray(rng.random((cells_y, cells_x), dtype=np.float32), "F")
        return np.asarray(small.resize((W, H), Image.BICUBIC))

    clouds = np.clip(.6 * noise(9, 7) + .3 * noise(23, 19) + .1 * noise(60, 50) - .45, 0, 1) * 2.2
    sky = np.array([96, 160, 226]) + (y * 1.5)[..., None] * np.array([95, 50, 12])
    sky = sky + np.clip(clouds, 0, 1)[..., None] * (np.array([250, 248, 245]) - sky) * .8
    waves = .5 * noise(90, 22) + .5 * noise(300, 90) - .5
    sea = np.array([40, 106, 148]) - (y - .6)[..., None] * np.array([40, 80, 60]) + waves[..., None] * 95
    picture = np.where((np.arange(H) < horizon)[:, None, None], sky, sea + 0 * x[..., None])
    im = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))

    draw = ImageDraw.Draw(im)
    def poly(points, fill): draw.polygon([(px * W, py * H) for px, py in points], fill=fill)
    def box(x0, y0, x1, y1, fill): draw.rectangle([x0 * W, y0 * H, x1 * W, y1 * H], fill=fill)

    poly([(.04, .52), (.97, .50), (.90, .70), (.10, .70)], (178, 34, 38))      # hull
    poly([(.04, .52), (.97, .50), (.955, .555), (.055, .565)], (28, 34, 58))   # its dark strake
    poly([(.047, .535), (.962, .516), (.960, .524), (.049, .543)], (240, 240, 236))
    box(.10, .40, .36, .525, (244, 243, 238))                                  # superstructure
    box(.13, .30, .33, .405, (232, 233, 232))
    box(.16, .23, .30, .305, (247, 246, 240))
    box(.155, .245, .305, .270, (30, 60, 80))                                  # bridge windows
    for row, n in ((.335, 7), (.37, 7), (.43, 9), (.475, 9)):
        for i in range(n):
            left = (.14 if n == 7 else .115) + i * .0265
            box(left, row, left + .014, row + .018, (40, 74, 104))
    box(.205, .10, .265, .235, (238, 120, 24))                                 # funnel
    box(.205, .10, .265, .135, (24, 24, 26))
    colours = [(214, 48, 40), (32, 96, 190), (246, 196, 30), (38, 150, 84), (235, 235, 230), (240, 122, 20), (96, 60, 150)]
    for column in range(9):                                                    # containers
        for level in range(2 + (column * 5) % 3):
            left, top = .40 + column * .055, .468 - level * .052
            box(left, top, left + .052, top + .049, colours[(column * 3 + level * 2) % 7])
            for rib in range(1, 6):
                box(left + rib * .0088, top, left + rib * .0088 + .0015, top + .049, tuple(int(c * .8) for c in colours[(column * 3 + level * 2) % 7]))
    box(.918, .30, .923, .51, (60, 60, 64))                                    # foremast and flag
    poly([(.923, .30), (.985, .318), (.923, .336)], (220, 30, 60))
    for i, px in enumerate(np.linspace(.08, .95, 60)):                         # bow wave and wake
        r = .006 + .012 * rng.random() + (.012 if i > 52 else 0)
        py = .70 + .012 * rng.random()
        draw.ellipse([(px - 2.2 * r) * W, (py - .6 * r) * H, (px + 2.2 * r) * W, (py + .6 * r) * H], fill=(226, 238, 242))
    im = im.filter(ImageFilter.GaussianBlur(over * .4)).resize((w, h), Image.LANCZOS)
    grain = rng.normal(0, 2.5, (h, w, 3))
    return Image.fromarray(np.clip(np.asarray(im) + grain, 0, 255).astype(np.uint8))


# --- JPEG of kinds that Pillow does not write -------------------------------------------

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
DCT = np.array([[(.5 if k else .5 / 2 ** .5) * np.cos((2 * n + 1) * k * np.pi / 16) for n in range(8)] for k in range(8)])


def segments(jpeg):
    """The (marker, body) segments of a file, up to its scan."""
    at = 2
    while True:
        marker, n = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2:at + 4])[0]
        yield marker, jpeg[at + 4:at + 2 + n]
        at += 2 + n
        if marker == 0xda:
            return


def huffman_codes():
    """Standard tables, as Pillow writes them: {class<<4|id: {symbol: (code, bits)}}, and the segments."""
    b = io.BytesIO()
    Image.new("RGB", (8, 8)).save(b, "JPEG")
    tables, raw = {}, b""
    for marker, s in segments(b.getvalue()):
        while marker == 0xc4 and s:
            counts, code, at, t = s[1:17], 0, 17, {}
            for bits, n in enumerate(counts, 1):
                for _ in range(n):
                    t[s[at]] = (code, bits)
                    code, at = code + 1, at + 1
                code <<= 1
            tables[s[0]] = t
            raw, s = raw + b"\xff\xc4" + struct.pack(">H", 2 + at) + s[:at], s[at:]
    return tables, raw


def jpeg(channels, sampling, ids=b"\1\2\3\4", marks=b"", restart=0, interleaved=True, step=6):
    """Baseline JPEG of full-size channels with sampling factors (h, v) each, quantised by step."""
    tables, dht = huffman_codes()
    H, W = channels[0].shape
    mh, mv = max(h for h, _ in sampling), max(v for _, v in sampling)
    mx, my = -(-W // (8 * mh)), -(-H // (8 * mv))
    quant = np.full((8, 8), step); quant[0, 0] = 4
    blocks, sizes = [], []
    for c, (h, v) in zip(channels, sampling):
        c = np.pad(c.astype(float), ((0, my * mv * 8 - H), (0, mx * mh * 8 - W)), "edge")
        fy, fx = mv // v, mh // h
        c = c.reshape(c.shape[0] // fy, fy, c.shape[1] // fx, fx).mean((1, 3)) - 128
        b = c.reshape(my * v, 8, mx * h, 8).swapaxes(1, 2)
        blocks.append(np.rint(DCT @ b @ DCT.T / quant).astype(int).reshape(my * v, mx * h, 64)[..., ZIGZAG])
        sizes.append((-(-H * v // mv) + 7 >> 3, -(-W * h // mh) + 7 >> 3))  # in blocks, of a scan of its own

    def scan(which):
        bits, out, last = [], b"", dict.fromkeys(which, 0)
        def put(value, n): bits.extend((value >> i) & 1 for i in range(n - 1, -1, -1))
        def number(v): put(v if v >= 0 else v + (1 << int(abs(v)).bit_length()) - 1, int(abs(v)).bit_length())
        def flush():
            data = np.packbits(bits + [1] * (-len(bits) % 8)).tobytes().replace(b"\xff", b"\xff\0")
            bits.clear()
            return data
        def block(i, b):
            dc, ac = tables[0x00 | (i in (1, 2))], tables[0x10 | (i in (1, 2))]
            diff, last[i], run = b[0] - last[i], b[0], 0
            put(*dc[int(abs(diff)).bit_length()]); number(diff)
            for k in range(1, 64):
                if b[k] == 0:
                    run += 1
                    continue
                while run > 15:
                    put(*ac[0xf0]); run -= 16
                put(*ac[run << 4 | int(abs(b[k])).bit_length()]); number(b[k]); run = 0
            if run:
                put(*ac[0])
        if len(which) > 1:
            units = [[(i, y * sampling[i][1] + dy, x * sampling[i][0] + dx) for i in which for dy in range(sampling[i][1]) for dx in range(sampling[i][0])]
                     for y in range(my) for x in range(mx)]
        else:
            units = [[(which[0], y, x)] for y in range(sizes[which[0]][0]) for x in range(sizes[which[0]][1])]
        for n, unit in enumerate(units):
            if restart and n and n % restart == 0:
                out += flush() + bytes([0xff, 0xd0 + (n // restart - 1) % 8])
                last = dict.fromkeys(which, 0)
            for i, y, x in unit:
                block(i, blocks[i][y, x])
        spec = b"".join(bytes([ids[i], 0x11 if i in (1, 2) else 0]) for i in which)
        return b"\xff\xda" + struct.pack(">HB", 6 + 2 * len(which), len(which)) + spec + b"\0\x3f\0" + out + flush()

    n = len(channels)
    return (b"\xff\xd8" + marks + b"\xff\xdb\0\x43\0" + bytes(int(quant.ravel()[i]) for i in ZIGZAG) +
            b"\xff\xc0" + struct.pack(">HBHHB", 8 + 3 * n, 8, H, W, n) + b"".join(bytes([ids[i], h << 4 | v, 0]) for i, (h, v) in enumerate(sampling)) +
            dht + (b"\xff\xdd\0\4" + struct.pack(">H", restart) if restart else b"") +
            (scan(range(n)) if interleaved else b"".join(scan([i]) for i in range(n))) + b"\xff\xd9")


JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
def adobe(transform): return b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])


def jpegs(im):
    rgb = list(np.moveaxis(np.asarray(im), 2, 0))
    ycc = list(np.moveaxis(np.asarray(im.convert("YCbCr")), 2, 0))
    black = 255 - np.minimum(255 - np.asarray(im.convert("L")), 120)
    for name, luma, chroma in (("444", (1, 1), (1, 1)), ("422", (2, 1), (1, 1)), ("420", (2, 2), (1, 1)), ("440", (1, 2), (1, 1)), ("411", (4, 1), (1, 1)),
                               ("410", (4, 2), (1, 1)), ("422-as-2x2-1x2", (2, 2), (1, 2)), ("440-as-2x2-2x1", (2, 2), (2, 1)), ("444-as-2x1", (2, 1), (2, 1))):
        yield name, jpeg(ycc, [luma, chroma, chroma], marks=JFIF)
    yield "420-restart", jpeg(ycc, [(2, 2), (1, 1), (1, 1)], marks=JFIF, restart=2)
    yield "420-scans", jpeg(ycc, [(2, 2), (1, 1), (1, 1)], marks=JFIF, interleaved=False)
    yield "420-scans-restart", jpeg(ycc, [(2, 2), (1, 1), (1, 1)], marks=JFIF, interleaved=False, restart=3)
    for name, factors in (("441", ((1, 4), (1, 1), (1, 1))), ("311", ((3, 1), (1, 1), (1, 1))), ("luma-subsampled", ((1, 1), (2, 2), (2, 2))), ("cb-cr-differ", ((2, 2), (2, 1), (1, 1)))):
        yield name, jpeg(ycc, factors, marks=JFIF)
    yield "420-as-4x2-scans", jpeg(ycc, [(4, 2), (2, 1), (2, 1)], marks=JFIF, interleaved=False)  # too large for one scan
    yield "grey-2x2", jpeg([ycc[0]], [(2, 2)], marks=JFIF, interleaved=False)
    yield "rgb-adobe", jpeg(rgb, [(1, 1)] * 3, marks=adobe(0))
    yield "rgb-adobe-420", jpeg(rgb, [(2, 2), (1, 1), (1, 1)], marks=adobe(0))
    yield "rgb-ids", jpeg(rgb, [(1, 1)] * 3, ids=b"RGB")
    yield "ycc-jfif-adobe0", jpeg(ycc, [(1, 1)] * 3, marks=JFIF + adobe(0))
    yield "ycc-ids-rgb-jfif", jpeg(ycc, [(2, 1), (1, 1), (1, 1)], ids=b"RGB", marks=JFIF)
    yield "ycc-adobe", jpeg(ycc, [(2, 2), (1, 1), (1, 1)], marks=adobe(1))
    yield "ycc-unmarked", jpeg(ycc, [(2, 2), (1, 1), (1, 1)])
    yield "cmyk-adobe", jpeg(rgb + [black], [(1, 1)] * 4, marks=adobe(0))
    yield "cmyk-unmarked", jpeg(rgb + [black], [(1, 1)] * 4)
    yield "cmyk-adobe-422", jpeg(rgb + [black], [(2, 1), (1, 1), (1, 1), (2, 1)], marks=adobe(0))
    yield "ycck-adobe", jpeg(ycc + [black], [(1, 1)] * 4, marks=adobe(2))
    yield "ycck-adobe-420", jpeg(ycc + [black], [(2, 2), (1, 1), (1, 1), (2, 2)], marks=adobe(2))
    for name, kind, options in (("grey", "L", {}), ("progressive-444", "RGB", {"progressive": True, "subsampling": 0}), ("progressive-422", "RGB", {"progressive": True, "subsampling": 1}),
                                ("progressive-420", "RGB", {"progressive": True, "subsampling": 2}), ("progressive-420-restart", "RGB", {"progressive": True, "subsampling": 2, "restart_marker_blocks": 3}),
                                ("progressive-grey", "L", {"progressive": True}),
                                ("progressive-cmyk", "CMYK", {"progressive": True}), ("420-quality-20", "RGB", {"quality": 20}), ("optimized", "RGB", {"optimize": True})):
        b = io.BytesIO()
        im.convert(kind).save(b, "JPEG", **{"quality": 88, **options})
        yield name, b.getvalue()


# --- PNG of every kind ------------------------------------------------------------------

def png(a, depth, kind, interlaced=False, extra=b"", filters=(0, 1, 2, 3, 4)):
    """PNG of a (height x width x channels, unsigned), its rows filtered in turn."""
    def chunk(name, data): return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    def rows(a):
        h, w, c = a.shape
        bits = ((a[..., None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).reshape(h, w * c * depth)
        raw = np.packbits(bits, axis=1).astype(int)
        step, out = max(1, c * depth // 8), b""
        up = np.zeros(raw.shape[1], int)
        for y, row in enumerate(raw):
            left = np.concatenate([np.zeros(step, int), row])[:len(row)]
            corner = np.concatenate([np.zeros(step, int), up])[:len(row)]
            p = left + up - corner
            pa, pb, pc = abs(p - left), abs(p - up), abs(p - corner)
            paeth = np.where((pa <= pb) & (pa <= pc), left, np.where(pb <= pc, up, corner))
            f = filters[y % len(filters)]
            out += bytes([f]) + ((row - (0, left, up, (left + up) // 2, paeth)[f]) % 256).astype(np.uint8).tobytes()
            up = row
        return out
    adam7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [a[y::dy, x::dx] for y, x, dy, dx in adam7] if interlaced else [a]
    data = b"".join(rows(p) for p in parts if p.size)
    header = struct.pack(">IIBBBBB", a.shape[1], a.shape[0], depth, kind, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(n, d) for n, d in extra or ()) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def pngs(im):
    rng = np.random.default_rng(3)
    rgb = np.asarray(im).astype(int)
    h, w = rgb.shape[:2]
    grey = np.asarray(im.convert("L")).astype(int)[..., None]
    alpha = np.clip(np.add.outer(np.arange(h) * 7, np.arange(w) * 9)[..., None] - 60, 0, 255)  # from 0 to 255
    low = rng.integers(0, 256, (h, w, 3))
    deep, deep_grey, deep_alpha = rgb * 256 + low, grey * 256 + low[..., :1], alpha * 257
    palette = rng.integers(0, 256, 768).astype(np.uint8).tobytes()
    for i, inter in (("", False), ("-interlaced", True)):
        for depth in (1, 2, 4, 8):
            yield f"grey{depth}{i}", png(grey >> 8 - depth, depth, 0, inter)
            index = grey >> 8 - depth
            yield f"palette{depth}{i}", png(index, depth, 3, inter, [(b"PLTE", palette[:3 << depth])])
        yield f"rgb8{i}", png(rgb, 8, 2, inter)
        yield f"rgb16{i}", png(deep, 16, 2, inter)
        yield f"rgba8{i}", png(np.dstack([rgb, alpha]), 8, 6, inter)
        yield f"rgba16{i}", png(np.dstack([deep, deep_alpha]), 16, 6, inter)
        yield f"grey-alpha8{i}", png(np.dstack([grey, alpha]), 8, 4, inter)
        yield f"grey-alpha16{i}", png(np.dstack([deep_grey, deep_alpha]), 16, 4, inter)
        yield f"grey16{i}", png(deep_grey >> 5, 16, 0, inter)  # from dark, below 256, to bright
    yield "palette8-trns", png(grey, 8, 3, extra=[(b"PLTE", palette), (b"tRNS", bytes(range(256)))])
    yield "palette4-trns-short", png(grey >> 4, 4, 3, extra=[(b"PLTE", palette[:48]), (b"tRNS", b"\0\x80")])
    yield "grey8-trns", png(grey, 8, 0, extra=[(b"tRNS", struct.pack(">H", int(grey[5, 5, 0])))])
    yield "grey4-trns", png(grey >> 4, 4, 0, extra=[(b"tRNS", struct.pack(">H", int(grey[5, 5, 0]) >> 4))])
    yield "grey1-trns", png(grey >> 7, 1, 0, extra=[(b"tRNS", struct.pack(">H", 1))])
    yield "grey16-trns", png(deep_grey >> 5, 16, 0, extra=[(b"tRNS", struct.pack(">H", int(deep_grey[5, 5, 0]) >> 5))])
    yield "rgb8-trns", png(rgb, 8, 2, extra=[(b"tRNS", struct.pack(">HHH", *map(int, rgb[5, 5])))])
    yield "rgb16-trns", png(deep, 16, 2, extra=[(b"tRNS", struct.pack(">HHH", *map(int, deep[5, 5])))])
    yield "rgb8-gamma", png(rgb, 8, 2, extra=[(b"gAMA", struct.pack(">I", 100000))])


# --- goldens ----------------------------------------------------------------------------

def png_of(im):
    b = io.BytesIO()
    im.save(b, "PNG", optimize=True)
    return b.getvalue()


def sample(im):
    """SAMPLES bytes of the picture's, at places that image_test.go computes in the same way."""
    flat = np.asarray(im).ravel()
    i = np.arange(SAMPLES, dtype=np.uint64)
    places = ((i * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) % np.uint64(flat.size)
    return base64.b64encode(flat[places.astype(int)].tobytes()).decode()



def main():
    ship = scene()
    b = io.BytesIO()
    ship.save(b, "JPEG", quality=90)
    ship = picture("ship.jpg", b.getvalue())
    for w, h in ((53, 37), (3, 5)):  # odd, and less than three columns of chroma
        small = ship.resize((w, h), Image.LANCZOS)
        for name, data in jpegs(small):
            name = f"{name}-{w}x{h}.jpg"
            golden(f"golden/{name}.png", picture(name, data))
    for name, data in pngs(ship.resize((19, 23), Image.LANCZOS)):
        golden(f"golden/{name}.png.png", picture(f"{name}.png", data))

    from torchvision import transforms as T
    from torchvision.transforms import InterpolationMode as M
    source = picture("source.png", png_of(ship.resize((131, 98), Image.LANCZOS)))
    hashes = {"pixels": {}, "tensors": {}}
    modes = dict(nearest=0, box=4, bilinear=2, hamming=5, bicubic=3, lanczos=1)
    for name, mode in modes.items():
        for w, h in ((32, 32), (131, 40), (50, 98), (131, 98), (7, 11), (1, 1), (200, 150), (130, 97), (132, 99), (263, 33), (17, 301)):
            hashes["pixels"][f"{name} {h}x{w}"] = hashlib.sha256(np.asarray(source.resize((w, h), mode)).tobytes()).hexdigest()
    for turned in (False, True):
        im = source.transpose(Image.ROTATE_90) if turned else source
        for edge, crop in ((64, 56), (73, 64), (40, 33), (41, 32), (98, 97), (98, 60), (0, 112), (0, 141), (50, 61), (200, 1)):
            for name, mode in dict(bilinear=M.BILINEAR, bicubic=M.BICUBIC, nearest=M.NEAREST).items():
                steps = ([T.Resize(edge, mode)] if edge else []) + [T.CenterCrop(crop), T.ToTensor(), T.Normalize([.485, .456, .406], [.229, .224, .225])]
                x = T.Compose(steps)(im).permute(1, 2, 0).contiguous().numpy()
                hashes["tensors"][f"{'turned ' if turned else ''}{name} {edge} {crop}"] = hashlib.sha256(x.tobytes()).hexdigest()
    golden("resize.json", hashes)

    samples = {}
    def add(name, im):
        cropped = T.CenterCrop(224)(T.Resize(256)(im))
        samples[name] = {"width": im.width, "height": im.height, "decoded": sample(im), "cropped": sample(cropped)}
    add("ship.jpg", ship)
    folder = os.path.join(os.environ.get("FEATX_DATA", os.path.join(HERE, "../../../shared/data")), "images")
    for name in sorted(os.listdir(folder)):
        add(name, Image.open(os.path.join(folder, name)).convert("RGB"))
    golden("samples.json", samples)


main()
