"""Cache the output of the frozen trunk for every training image, view by view.

A view is a way of cropping: 0 = the whole image, 1.. = seeded random resized crops, half of them mirrored.
Views 0 and 1 hold all images, later ones only those with captions (which are what runs short).
For each view two arrays of f16 lie in the work folder: `features` [n, 1280] and `mids` [n, 328].
Interrupted runs go on where they stopped.
"""

import math
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import packages
import quantise
import towers

BATCH = 8
FLUSH = 64  # batches between progress marks


def crop(picture, rng, smallest):
    """A random part of the image (at least `smallest` of its area), squashed; half of them mirrored."""
    w, h = picture.size
    area = rng.uniform(smallest, 1) * w * h
    aspect = math.exp(rng.uniform(-0.3, 0.3)) * math.sqrt(w / h)
    cw, ch = min(w, int(math.sqrt(area) * aspect)), min(h, int(math.sqrt(area) / aspect))
    x, y = rng.randint(0, w - cw), rng.randint(0, h - ch)
    size = (packages.SIZE, packages.SIZE)
    picture = picture.resize(size, Image.Resampling.BICUBIC, box=(x, y, x + cw, y + ch))
    return mirrored(picture) if rng.random() < 0.5 else picture


def mirrored(picture):
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def view_of(picture, index, view):
    if view == 0:
        return towers.pixels(picture)
    return np.array(crop(picture, random.Random(index * 101 + view), 0.5 if view % 2 else 0.3))


def members(kit, view):
    """Images of a view, in the order of caching: those with captions first."""
    captioned = [i for i in range(len(kit)) if kit.captions(i)]
    if view >= 2:
        return captioned
    known = set(captioned)
    return captioned + [i for i in range(len(kit)) if i not in known]


class Trunk(torch.nn.Module):
    """The frozen backbone with the quantised weights that are shipped."""

    def __init__(self):
        super().__init__()
        self.weights = quantise.round_trip(packages.backbone())
        self.convs, self.mid_blocks = packages.convolutions()
        self.blocks = range(self.convs[-1]["block"] + 1)

    def forward(self, x):
        x, mids = towers.run_blocks(self.weights, self.convs, x, self.blocks, self.mid_blocks)
        return x.mean((2, 3)), torch.cat(mids, 1)


def fast_trunk():
    """The trunk, compiled if a C++ compiler is available (about 1.6 times as fast)."""
    trunk = Trunk().eval()
    return torch.compile(trunk) if shutil.which("g++") else trunk


def arrays(folder, view, count, create=False):
    """The memory-mapped arrays of a view."""
    shapes = {"features": (packages.FEATURES,), "mids": (packages.MIDS,)}
    out = {}
    for name, shape in shapes.items():
        path = Path(folder) / f"{name}-{view}.npy"
        if create and not path.exists():
            np.lib.format.open_memmap(path, "w+", np.float16, (count, *shape))
        out[name] = np.load(path, mmap_mode="r+" if create else "r")
    return out


def done(folder, view):
    mark = Path(folder) / f"view-{view}.done"
    return int(mark.read_text()) if mark.exists() else 0


def cache(kit, folder, views):
    """Bring the given views of the cache up to date."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    todo = [v for v in views if done(folder, v) < len(members(kit, v))]
    if not todo:
        return
    trunk = fast_trunk()
    with ThreadPoolExecutor(1) as pool:
        for view in todo:
            cache_view(kit, folder, view, trunk, pool)


def cache_view(kit, folder, view, trunk, pool):
    out, order = arrays(folder, view, len(kit), create=True), members(kit, view)

    def load(start):
        batch = order[start : start + BATCH]
        batch = batch + batch[:1] * (BATCH - len(batch))  # one batch size, so one compilation
        return np.stack([view_of(kit.picture(i), i, view) for i in batch])

    first, began = done(folder, view), time.time()
    pending = pool.submit(load, first)
    for n, start in enumerate(range(first, len(order), BATCH)):
        batch, rows = pending.result(), order[start : start + BATCH]
        end = start + len(rows)
        if end < len(order):
            pending = pool.submit(load, end)
        with torch.no_grad():
            results = trunk(towers.normalised(batch))
        for array, value in zip(out.values(), results):
            array[rows] = value[: len(rows)].numpy()
        if n % FLUSH == FLUSH - 1 or end == len(order):
            for array in out.values():
                array.flush()
            (folder / f"view-{view}.done").write_text(str(end))
            rate = (end - first) / (time.time() - began)
            print(f"view {view}: {end} of {len(order)} images, {rate:.0f} per second", flush=True)
