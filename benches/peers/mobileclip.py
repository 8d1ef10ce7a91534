"""Writes a MobileCLIP with random weights, full size, for `benches/vit.rs`: `mobileclip.py MobileCLIP-S2 TOKENIZER FOLDER`.

TOKENIZER is any `tokenizer.json` of a CLIP. Needs torch, open_clip_torch, timm, torchvision, safetensors.
"""
import json
import shutil
import sys
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

name, tokenizer, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
torch.manual_seed(0)
folder.mkdir(parents=True, exist_ok=True)
model = open_clip.create_model(name).eval()
tensors = {k: v.contiguous() for k, v in model.state_dict().items() if v.is_floating_point()}
save_file(tensors, folder / "open_clip_model.safetensors")
preparation = {"size": 256, "mean": [0.0] * 3, "std": [1.0] * 3, "interpolation": "bilinear", "resize_mode": "shortest"}
config = {"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": preparation}
(folder / "open_clip_config.json").write_text(json.dumps(config, indent=1))
shutil.copy(tokenizer, folder / "tokenizer.json")
