"""The starter model in plain PyTorch, f32: the reference for tests and the peer for timings.

Needs torch, numpy, safetensors, tokenizers. Written from the description in docs/models.md, not from the Rust code.
"""
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "starter"


def unpack(tensors, group):
    """f32 tensors from int8 rows and int4 groups."""
    out = {}
    for name, t in tensors.items():
        if name.endswith(".q8"):
            scale = tensors[name[:-3] + ".scale"]
            out[name[:-3]] = t.float() * scale.view(-1, *[1] * (t.dim() - 1))
        elif name.endswith(".q4"):
            values = torch.stack([t & 15, t >> 4], 2).flatten(1).float() - 8
            scale = tensors[name[:-3] + ".scale4"].float()
            out[name[:-3]] = (values.unflatten(1, (-1, group)) * scale[..., None]).flatten(1)
        elif not name.endswith((".scale", ".scale4")):
            out[name] = t.float()
    return out


class Starter:
    def __init__(self, folder=ASSETS):
        self.config = json.loads((folder / "config.json").read_text())
        self.w = unpack(load_file(folder / "model.safetensors"), self.config["int4_group"])
        vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        model = WordPiece({t: i for i, t in enumerate(vocabulary) if t}, unk_token="[UNK]", max_input_chars_per_word=100)
        self.tokenizer = Tokenizer(model)
        self.tokenizer.normalizer = BertNormalizer(True, True, True, True)
        self.tokenizer.pre_tokenizer = BertPreTokenizer()

    def linear(self, x, name):
        return F.linear(x, self.w[name], self.w[name + ".bias"])

    # ------------------------------------------------------------------ images
    def pixels(self, rgb):
        """uint8 [h, w, 3] to the network's input [1, 3, s, s]."""
        size = self.config["image"]["size"]
        x = torch.from_numpy(resize(rgb, size, size).copy()).permute(2, 0, 1)[None]
        return (x.float() - 127) / 128

    def trunk(self, x):
        c = self.config["image"]
        mids = []
        for block in range(c["blocks"]):
            convs = [v for v in c["convs"] if v["block"] == block]
            start = x
            for v in convs:
                k, s, pad = v["k"], v["stride"], v["k"] // 2
                if s == 2:
                    tall, wide = (max((math.ceil(n / 2) - 1) * 2 + k - n, 0) for n in x.shape[2:])
                    x, pad = F.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2)), 0
                name = f"image.conv{v['i']}"
                x = F.conv2d(x, self.w[name], self.w[name + ".bias"], s, pad, 1, v["groups"])
                x = F.relu6(x) if v["relu6"] else x
            if len(convs) > 1 and start.shape == x.shape and all(v["stride"] == 1 for v in convs):
                x = x + start
            if block in c["mid_blocks"]:
                mids.append(x.mean((2, 3)))
        return x.mean((2, 3)), torch.cat(mids, 1)

    def head(self, f, m):
        x = torch.cat([f, m], 1) * self.w["image.in_scale"] + self.w["image.in_shift"]
        z = self.linear(F.gelu(self.linear(x, "image.l1")), "image.l2") + self.linear(x, "image.skip")
        z = F.normalize(z + self.linear(f, "image.fc").softmax(1) @ self.w["image.class_vectors"])
        return F.normalize(z - self.w["image.centre"])

    @torch.inference_mode()
    def image(self, pixels):
        return self.head(*self.trunk(pixels))

    # --------------------------------------------------------------------- texts
    def ids(self, text):
        most = self.config["text"]["max_tokens"] - 2
        c = self.config["text"]
        return [c["cls"], *self.tokenizer.encode(text, add_special_tokens=False).ids[:most], c["sep"]]

    @torch.inference_mode()
    def text(self, texts):
        """Vectors before and after the adapter."""
        c, rows = self.config["text"], [self.ids(t) for t in texts]
        longest = max(map(len, rows))
        ids = torch.tensor([r + [c["pad"]] * (longest - len(r)) for r in rows])
        mask = torch.tensor([[1.0] * len(r) + [0.0] * (longest - len(r)) for r in rows])
        hidden, heads = c["hidden"], c["heads"]

        def norm(x, name):
            return F.layer_norm(x, (hidden,), self.w[name + ".weight"], self.w[name + ".bias"], c["layer_norm_eps"])

        def dense(x, name):
            return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

        e = "text.embeddings."
        x = self.w[e + "word_embeddings.weight"][ids] + self.w[e + "position_embeddings.weight"][:longest]
        x = norm(x + self.w[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
        bias = ((1 - mask) * -1e4)[:, None, None]
        for i in range(c["layers"]):
            p = f"text.encoder.layer.{i}."
            q, k, v = (dense(x, p + "attention.self." + n).unflatten(-1, (heads, -1)).transpose(1, 2) for n in ("query", "key", "value"))
            a = (q @ k.transpose(-1, -2) / math.sqrt(hidden // heads) + bias).softmax(-1) @ v
            x = norm(x + dense(a.transpose(1, 2).flatten(2), p + "attention.output.dense"), p + "attention.output.LayerNorm")
            x = norm(x + dense(F.gelu(dense(x, p + "intermediate.dense")), p + "output.dense"), p + "output.LayerNorm")
        raw = F.normalize((x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
        z = self.linear(F.gelu(self.linear(raw, "text.adapter.l1")), "text.adapter.l2")
        return raw, F.normalize(raw + z)


# ------------------------------------------------------------------ Pillow 12's resize
def bicubic(x):
    x = abs(x)
    return (1.5 * x - 2.5) * x * x + 1 if x < 1 else (((x - 5) * x + 8) * x - 4) * -0.5 if x < 2 else 0.0


def one_pass(a, n):
    """Resizes axis 1 of a uint8 array in fixed point (Pillow 13 has another order of passes)."""
    m, out = a.shape[1], np.empty((a.shape[0], n, a.shape[2]), np.uint8)
    scale = m / n
    wide = max(scale, 1.0)
    for i in range(n):
        c = (i + 0.5) * scale
        lo, hi = max(int(c - 2 * wide + 0.5), 0), min(int(c + 2 * wide + 0.5), m)
        k = np.array([bicubic((j - c + 0.5) / wide) for j in range(lo, hi)])
        k = k / k.sum() * (1 << 22)
        k = np.trunc(k + np.where(k < 0, -0.5, 0.5)).astype(np.int64)
        total = (a[:, lo:hi].astype(np.int64) * k[None, :, None]).sum(1)
        out[:, i] = np.clip((total + (1 << 21)) >> 22, 0, 255)
    return out


def resize(a, width, height):
    a = one_pass(a, width) if a.shape[1] != width else a
    return one_pass(a.transpose(1, 0, 2), height).transpose(1, 0, 2) if a.shape[0] != height else a


def synthetic(width, height):
    """The image that `towers::golden::picture` draws: gradients, stripes and a disc, in whole numbers."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    u, v = x * 256 // width, y * 256 // height
    disc = (u - 160) ** 2 + (v - 96) ** 2 < 64**2
    r = np.where(disc, 230, u)
    g = np.where(disc, 60 + v // 4, (u + v) // 2)
    b = np.where((x // 8 + y // 8) % 2 == 1, 255 - v, 40)
    return np.stack([r, g, b], 2).astype(np.uint8)
