"""Writes a picture of 12 megapixels in many formats, and times Pillow for `benches/decode.rs`, on one thread.

    pip install pillow pillow-heif imagecodecs numpy
"""
import io
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import imagecodecs
import numpy as np
import pillow_heif
from PIL import Image, ImageOps, __version__

pillow_heif.options.DECODE_THREADS = 1
pillow_heif.register_heif_opener()

SIZE = (4000, 3000)
SIDE = 2048


def picture():
    """Smooth shapes with some grain: compresses about as photos do."""
    rng = np.random.default_rng(7)
    small = Image.fromarray(rng.integers(0, 256, (75, 100, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    grain = rng.normal(0, 3, (SIZE[1], SIZE[0], 1))
    return np.clip(np.asarray(small) + grain, 0, 255).astype(np.uint8)


def write(folder):
    rgb = picture()
    image = Image.fromarray(rgb)
    image.save(f"{folder}/plain.jpg", quality=90)
    image.save(f"{folder}/progressive.jpg", quality=90, progressive=True)
    image.save(f"{folder}/plain.png", compress_level=6)
    image.save(f"{folder}/lossy.webp", quality=85, method=2)
    image.save(f"{folder}/lzw.tiff", compression="tiff_lzw")
    image.save(f"{folder}/plain.bmp")
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(f"{folder}/palette.gif")
    pillow_heif.from_pillow(image).save(f"{folder}/phone.heic", quality=80)
    with open(f"{folder}/plain.avif", "wb") as file:
        file.write(imagecodecs.avif_encode(rgb, level=80, speed=8))
    with open(f"{folder}/plain.jxl", "wb") as file:
        file.write(imagecodecs.jpegxl_encode(rgb, distance=1.0, effort=4))
    return sorted(os.listdir(folder))


def decode(data, path):
    if path.endswith(".jxl"):
        image = Image.fromarray(imagecodecs.jpegxl_decode(data, numthreads=1))
    elif path.endswith(".avif"):
        image = Image.fromarray(imagecodecs.avif_decode(data, numthreads=1))
    else:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image = image.convert("RGB")
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return image


def timed(path):
    with open(path, "rb") as file:
        data = file.read()
    start = time.perf_counter()
    decode(data, path)
    return (time.perf_counter() - start) * 1e3


def main():
    print(f"{__version__}, pillow-heif {pillow_heif.__version__}, imagecodecs {imagecodecs.__version__}", flush=True)
    for line in sys.stdin:
        verb, path = line.rstrip("\n").split(" ", 1)
        try:
            print("\t".join(write(path)) if verb == "write" else timed(path), flush=True)
        except Exception as error:  # noqa: BLE001  (it cannot read this file)
            print(f"error: {error}".replace("\n", " "), flush=True)


main()
