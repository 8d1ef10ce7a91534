"""Checkpoints of full size with random weights, which are as fast as real ones: CLIP ViT-B/32, SigLIP B/16, Nomic Embed Vision.

`full_size.py FOLDER` creates FOLDER/clip, FOLDER/siglip and FOLDER/nomic from the small ones in tests/fixtures: their files, with the image
tower widened and deepened to the published size. The text tower keeps its two layers and its vocabulary. Needs numpy and safetensors.
"""
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

FIXTURES = Path(__file__).resolve().parents[2] / "tests/fixtures"
SIZE, WIDTH, HEADS, LAYERS = 224, 768, 12, 12
RANDOM = np.random.default_rng(7)
# Hidden width, the three of attention, keys and values, feed-forward.
WIDER = {64: WIDTH, 192: 3 * WIDTH, 128: 4 * WIDTH}
WIDER_NOMIC = {64: WIDTH, 192: 3 * WIDTH, 128: 2 * WIDTH, 256: 2048}


def shape(name, old, patch, wider):
    """The shape of a tensor in full size."""
    tokens = (SIZE // patch) ** 2
    if name.endswith("patch_embedding.weight"):
        return (WIDTH, 3, patch, patch)
    if name == "embeddings.proj.weight":
        return (WIDTH, 3 * patch * patch)
    if name.endswith("pos_embed"):
        return (1, tokens + 1, WIDTH)
    if name.endswith("position_embedding.weight"):
        # A class token is one more; a text keeps its length.
        vision = name.startswith("vision_model")
        return ((tokens + old[0] % 2) if vision else old[0], WIDTH)
    if name.endswith(("token_embedding.weight", "word_embeddings.weight", "token_type_embeddings.weight")):
        return (old[0], WIDTH)
    return tuple(wider.get(side, side) for side in old)


def weights(name, sides):
    """Random numbers of a size that the layers keep."""
    if name.endswith("bias") or "position_ids" in name:
        return np.zeros(sides, np.float32)
    if len(sides) == 1 and ("norm" in name or "_ln" in name):
        return np.ones(sides, np.float32)
    return (RANDOM.standard_normal(sides, np.float32) / np.sqrt(np.prod(sides[1:]) or 1)).astype(np.float32)


def enlarge(source, target, patch, wider, deeper):
    """Writes a checkpoint; `deeper` begins the names of the layers that are repeated."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.is_file() and file.name not in ("model.safetensors", "expected.safetensors", "cases.json", "README.md"):
            shutil.copy(file, target)
    tensors = {}
    for name, old in load_file(source / "model.safetensors").items():
        if old.dtype != np.float32 or old.ndim == 0 or name.startswith("logit_"):
            if "position_ids" not in name:
                tensors[name] = old
            continue
        sides = shape(name, old.shape, patch, wider)
        names = [name]
        if deeper and name.startswith(deeper + "0."):
            names = [name.replace(deeper + "0.", f"{deeper}{layer}.") for layer in range(LAYERS)]
        elif deeper and name.startswith(deeper):
            continue
        tensors.update({name: weights(name, sides) for name in names})
    save_file(tensors, target / "model.safetensors", {"format": "pt"})
    config = json.loads((target / "config.json").read_text())
    vision = config.get("vision_config")
    for part in filter(None, [vision, config.get("text_config")]):
        part.update(hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_attention_heads=HEADS)
    if vision:
        vision.update(image_size=SIZE, patch_size=patch, num_hidden_layers=LAYERS)
    else:
        config.update(n_embd=WIDTH, n_head=HEADS, n_inner=2048)
        if deeper:
            grid = SIZE // patch
            config.update(img_size=SIZE, patch_size=patch, n_layer=LAYERS, ref_feat_shape=[grid, grid])
    (target / "config.json").write_text(json.dumps(config, indent=1))
    inputs = target / "preprocessor_config.json"
    if inputs.exists():
        inputs.write_text(inputs.read_text().replace(": 64", f": {SIZE}"))


def main():
    out = Path(sys.argv[1])
    enlarge(FIXTURES / "clip", out / "clip", 32, WIDER, "vision_model.encoder.layers.")
    enlarge(FIXTURES / "siglip", out / "siglip", 16, WIDER, "vision_model.encoder.layers.")
    enlarge(FIXTURES / "nomic_vision", out / "nomic/vision", 16, WIDER_NOMIC, "layers.")
    enlarge(FIXTURES / "nomic_text", out / "nomic/text", 16, WIDER_NOMIC, None)


main()
