"""The training images and their captions (`../shared/training`), and the split held out of them."""

import csv
import io
import json
import random
from pathlib import Path

from PIL import Image

HELD_OUT_CAPTIONED = 400
HELD_OUT_OTHERS = 400


class Kit:
    """Images packed in `images-*.bin`, described by `index.csv`."""

    def __init__(self, folder):
        self.folder = Path(folder)
        with open(self.folder / "index.csv", newline="", encoding="utf-8") as f:
            self.rows = list(csv.DictReader(f))
        self.packs = {}

    def __len__(self):
        return len(self.rows)

    def picture(self, i):
        row = self.rows[i]
        if row["pack"] not in self.packs:
            self.packs[row["pack"]] = (self.folder / row["pack"]).read_bytes()
        start, length = int(row["offset"]), int(row["length"])
        data = self.packs[row["pack"]][start : start + length]
        return Image.open(io.BytesIO(data)).convert("RGB")

    def captions(self, i):
        return json.loads(self.rows[i]["captions"])

    def source(self, i):
        return self.rows[i]["source"]

    def label(self, i):
        return self.rows[i]["label"]

    def split(self, seed=1):
        """Indices (train, held out with captions, held out without): nothing of the evaluation data is in here."""
        captioned = [i for i in range(len(self)) if self.captions(i)]
        others = [i for i in range(len(self)) if self.source(i) in ("imagenet-sample", "caltech101-unlabelled")]
        rng = random.Random(seed)
        rng.shuffle(captioned)
        rng.shuffle(others)
        held = captioned[:HELD_OUT_CAPTIONED], others[:HELD_OUT_OTHERS]
        away = {*held[0], *held[1]}
        return [i for i in range(len(self)) if i not in away], *held
