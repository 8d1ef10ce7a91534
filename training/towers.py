"""Forward passes on plain tensors named as in the file: `assets/starter/README.md` in code.

The same functions serve training, evaluation and export, so that no second version can drift.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from safetensors.torch import load_file
from tokenizers import Tokenizer

import packages
import quantise

LAYERS, HEADS = 6, 12


def pixels(picture, size=packages.SIZE):
    """An image -> uint8 [size, size, 3], squashed with Pillow's bicubic filter."""
    picture = ImageOps.exif_transpose(picture).convert("RGB")
    return np.array(picture.resize((size, size), Image.Resampling.BICUBIC))


def normalised(batch):
    """uint8 [n, size, size, 3] -> network input."""
    batch = torch.as_tensor(batch).permute(0, 3, 1, 2).float()
    return ((batch - 127) / 128).contiguous(memory_format=torch.channels_last)


def run_blocks(weights, convs, x, blocks, means=()):
    """Run the given blocks; also return the spatial means of the outputs of the blocks in `means`."""
    pooled = []
    for block in blocks:
        layers = [c for c in convs if c["block"] == block]
        inputs = x
        for conv in layers:
            x = convolve(weights, conv, x)
        if len(layers) > 1 and inputs.shape == x.shape and all(c["stride"] == 1 for c in layers):
            x = x + inputs
        if block in means:
            pooled.append(x.mean((2, 3)))
    return x, pooled


def convolve(weights, conv, x):
    k, stride, padding = conv["k"], conv["stride"], conv["k"] // 2
    if stride > 1:  # "same" as TensorFlow pads: more on the right and at the bottom
        ph, pw = (max((math.ceil(n / stride) - 1) * stride + k - n, 0) for n in x.shape[-2:])
        x, padding = F.pad(x, (pw // 2, pw - pw // 2, ph // 2, ph - ph // 2)), 0
    name = f"image.conv{conv['i']}"
    x = F.conv2d(x, weights[name], weights[f"{name}.bias"], stride, padding, 1, conv["groups"])
    return F.relu6(x, inplace=True) if conv["relu6"] else x


def linear(weights, name, x):
    return F.linear(x, weights[name], weights[f"{name}.bias"])


def image_head(weights, features, mids):
    """Pooled features -> unit vectors before the hub correction."""
    x = torch.cat([features, mids], 1) * weights["image.in_scale"] + weights["image.in_shift"]
    z = linear(weights, "image.l2", F.gelu(linear(weights, "image.l1", x)))
    if "image.skip" in weights:
        z = z + linear(weights, "image.skip", x)
    named = linear(weights, "image.fc", features).softmax(1) @ weights["image.class_vectors"]
    return F.normalize(z + named, dim=1)


def centred(weights, z):
    return F.normalize(z - weights["image.centre"], dim=1)


def adapted(weights, raw):
    delta = linear(weights, "text.adapter.l2", F.gelu(linear(weights, "text.adapter.l1", raw)))
    return F.normalize(raw + delta, dim=1)


class Texts:
    """MiniLM with its tokenizer: texts -> unit vectors, before the adapter."""

    def __init__(self, weights):
        self.weights = weights
        self.tokenizer = Tokenizer.from_file(str(packages.minilm_dir() / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def ids(self, texts):
        limit = packages.MAX_TOKENS
        rows = [e.ids for e in self.tokenizer.encode_batch(list(texts))]
        return [r if len(r) <= limit else r[: limit - 1] + [102] for r in rows]

    @torch.inference_mode()
    def encode(self, texts, tokens=4096, log=None):
        rows = self.ids(texts)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        out = torch.zeros(len(rows), packages.DIM)
        start = 0
        while start < len(order):
            end = start + 1  # shortest first, so the newest row is the longest of its batch
            while end < len(order) and len(rows[order[end]]) * (end + 1 - start) <= tokens:
                end += 1
            batch = order[start:end]
            out[batch] = F.normalize(self.forward([rows[i] for i in batch]), dim=1)
            start = end
            if log:
                log(start, len(order))
        return out.clone()

    def forward(self, rows):
        w, width = self.weights, max(map(len, rows))
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), width)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1

        def norm(x, name):
            weight, bias = w[f"text.{name}.weight"], w[f"text.{name}.bias"]
            return F.layer_norm(x, (packages.DIM,), weight, bias, 1e-12)

        def dense(x, name):
            return F.linear(x, w[f"text.{name}.weight"], w[f"text.{name}.bias"])

        def split(x):
            return x.view(len(rows), width, HEADS, -1).transpose(1, 2)

        h = w["text.embeddings.word_embeddings.weight"][ids]
        h = h + w["text.embeddings.position_embeddings.weight"][:width]
        h = norm(h + w["text.embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        bias = ((1 - mask) * -1e4)[:, None, None, :]
        for i in range(LAYERS):
            layer = f"encoder.layer.{i}"
            q, k, v = (split(dense(h, f"{layer}.attention.self.{n}")) for n in ("query", "key", "value"))
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
            a = dense(a.transpose(1, 2).reshape(len(rows), width, -1), f"{layer}.attention.output.dense")
            h = norm(h + a, f"{layer}.attention.output.LayerNorm")
            f = dense(F.gelu(dense(h, f"{layer}.intermediate.dense")), f"{layer}.output.dense")
            h = norm(h + f, f"{layer}.output.LayerNorm")
        return (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


class Starter:
    """The shipped model, from its file alone."""

    def __init__(self, folder):
        folder = Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = quantise.unpack(load_file(folder / "model.safetensors"))
        self.convs = self.config["image"]["convs"]
        self.mid_blocks = self.config["image"]["mid_blocks"]
        self.minilm = Texts(self.weights)

    @torch.inference_mode()
    def trunk(self, batch):
        blocks = range(self.config["image"]["blocks"])
        x, mids = run_blocks(self.weights, self.convs, normalised(batch), blocks, self.mid_blocks)
        return x.mean((2, 3)), torch.cat(mids, 1)

    @torch.inference_mode()
    def image(self, features, mids):
        return centred(self.weights, image_head(self.weights, features, mids))

    @torch.inference_mode()
    def text(self, texts):
        return adapted(self.weights, self.minilm.encode(texts))
