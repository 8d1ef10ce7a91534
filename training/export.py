"""Write the shipped files: `model.safetensors`, `config.json`, `vocab.txt`, and reference outputs for the tests."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

import packages
import quantise
import towers

REFERENCE_PICTURES = 20
REFERENCE_PIXELS = 4
REFERENCE_TEXTS = [
    "a photo of a dog", "golf ball", "a tiny white ball", "Two dogs play in the snow.",
    "a building where people pray", "music", "an airplane flying in the sky", "animals",
    "a red car parked on the street", "A man riding a wave on a surfboard", "café naïve déjà vu", "gas pump",
    "The quick brown fox jumps over the lazy dog; 3.14 times!", "office", "furniture",
    "a plate of food on a wooden table", "children playing football",
    "unbelievably long word: pneumonoultramicroscopicsilicovolcanoconiosis", "French horn",
    "a black and white photo of a mountain",
]


def configuration(hidden, adapter_hidden, scales):
    convs, mid_blocks = packages.convolutions()
    image = dict(
        backbone="efficientnet-lite2", size=packages.SIZE, resize="squash to size x size, bicubic with antialias",
        colour="RGB, (value-127)/128", convs=convs, blocks=convs[-1]["block"] + 1, mid_blocks=mid_blocks,
        features=packages.FEATURES, classes=packages.CLASSES, hidden=hidden, gelu="erf",
    )
    text = dict(
        model="all-MiniLM-L6-v2", layers=towers.LAYERS, heads=towers.HEADS, hidden=packages.DIM, ff=1536,
        layer_norm_eps=1e-12, max_tokens=packages.MAX_TOKENS, lowercase=True, cls=101, sep=102, unk=100, pad=0,
        pooling="mean over all tokens incl. CLS and SEP", adapter_hidden=adapter_hidden,
    )
    return dict(
        dim=packages.DIM, image=image, text=text, int4_group=quantise.GROUP,
        softmax_scale_captions=scales[0], softmax_scale_names=scales[1],
        note="softmax(scale * cosine) over candidate texts; show ranks, not raw cosines",
        priors="prior.text_mean and prior.image_mean: mean vectors of the training captions and pictures after the"
        " towers; for centring a library that holds only one of the two",
    )


def write(folder, tensors, config):
    """The model itself. `tensors` are in full precision and named as in the file."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(quantise.pack(tensors), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    shutil.copyfile(packages.minilm_dir() / "vocab.txt", folder / "vocab.txt")
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@torch.no_grad()
def write_reference(folder, data):
    """Outputs for 20 images and 20 texts, from the written file in f32: which every other loader must reproduce."""
    folder, photos = Path(folder), Path(data) / "photos"
    with open(photos / "labels.csv", newline="", encoding="utf-8") as f:
        files = [row["file"] for row in csv.DictReader(f)]
    picked = [files[i] for i in np.linspace(0, len(files) - 1, REFERENCE_PICTURES).astype(int)]
    starter = towers.Starter(folder)
    batch = np.stack([towers.pixels(Image.open(photos / name)) for name in picked])
    features, mids = starter.trunk(batch)
    image = starter.image(features, mids)
    raw = starter.minilm.encode(REFERENCE_TEXTS)
    text = towers.adapted(starter.weights, raw)
    tensors = dict(
        pixels_u8=torch.from_numpy(batch[:REFERENCE_PIXELS]), features=features, mid=mids, image=image,
        text_raw=raw, text=text,
    )
    save_file({k: v.clone().contiguous() for k, v in tensors.items()}, folder / "reference.safetensors")
    note = (
        "reference.safetensors: pixels_u8 [4,S,S,3] resized RGB of the first four pictures, features [20,1280], "
        "mid [20,m], image [20,384], text_raw [20,384] before the adapter (unit length), text [20,384]; f32 from the "
        "shipped quantised weights; tolerance 1e-3"
    )
    reference = dict(
        pictures=picked, texts=REFERENCE_TEXTS, token_ids=starter.minilm.ids(REFERENCE_TEXTS),
        cosine=[[round(float(v), 5) for v in row] for row in image @ text.T], note=note,
    )
    (folder / "reference.json").write_text(json.dumps(reference, indent=1))
