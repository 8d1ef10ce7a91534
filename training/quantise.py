"""Small weights: int8 rows, and int4 in groups of 64; the scheme of `assets/starter`."""

import torch

GROUP = 64
CLIPS = (1.0, 0.92, 0.85, 0.78)  # shares of the largest value tried for the int4 scale
INT4 = ("word_embeddings", "intermediate.dense.weight")


def scheme(name, value):
    """How a tensor is stored: `q4`, `q8` or `f32`."""
    if any(part in name for part in INT4):
        return "q4"
    if value.dim() >= 2 and value.shape[0] > 2:
        return "q8"
    return "f32"


def to_int8(weight):
    """One scale per row (output channel)."""
    rows = weight.reshape(weight.shape[0], -1)
    scale = rows.abs().amax(1).clamp_min(1e-8) / 127
    values = (rows / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
    return values.reshape(weight.shape).contiguous(), scale.float().contiguous()


def to_int4(weight):
    """Two values per byte (even column = low nibble); the clip with the least squared error wins in each group."""
    rows, cols = weight.shape
    groups = weight.view(rows, cols // GROUP, GROUP)
    peak = groups.abs().amax(2, keepdim=True)
    best = None
    for clip in CLIPS:
        scale = (peak * clip / 7).clamp_min(1e-7).half().float()
        values = (groups / scale).round().clamp(-7, 7)
        error = ((values * scale - groups) ** 2).sum(2, keepdim=True)
        if best is None:
            best = error, values, scale
        else:
            better = error < best[0]
            best = tuple(torch.where(better, new, old) for new, old in zip((error, values, scale), best))
    nibbles = (best[1].view(rows, cols) + 8).to(torch.uint8)
    packed = nibbles[:, 0::2] | (nibbles[:, 1::2] << 4)
    return packed.contiguous(), best[2][..., 0].half().contiguous()


def pack(tensors):
    """Full-precision tensors -> tensors of the file."""
    out = {}
    for name, value in tensors.items():
        kind = scheme(name, value)
        if kind == "q4":
            out[f"{name}.q4"], out[f"{name}.scale4"] = to_int4(value)
        elif kind == "q8":
            out[f"{name}.q8"], out[f"{name}.scale"] = to_int8(value)
        else:
            out[name] = value.float().clone().contiguous()
    return out


def unpack(stored):
    """Tensors of the file -> f32 tensors."""
    out = {}
    for name, value in stored.items():
        if name.endswith(".q8"):
            scale = stored[name[:-3] + ".scale"].view(-1, *[1] * (value.dim() - 1))
            out[name[:-3]] = value.float() * scale
        elif name.endswith(".q4"):
            out[name[:-3]] = unpack_int4(value, stored[name[:-3] + ".scale4"])
        elif not name.endswith((".scale", ".scale4")):
            out[name] = value.float()
    return out


def unpack_int4(packed, scale):
    values = torch.stack([packed & 15, packed >> 4], 2).reshape(packed.shape[0], -1).float() - 8
    groups = values.view(values.shape[0], -1, GROUP) * scale.float()[..., None]
    return groups.view(values.shape)


def round_trip(tensors):
    """The content of the shipped file, as f32, so that training sees the weights that users get."""
    return unpack(pack(tensors))
