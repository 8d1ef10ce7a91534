"""Writes the reference outputs for the tests and `vicinity doctor`. Run it after the weights changed:

    python benches/peers/references.py

assets/starter/golden.safetensors   one synthetic image and two texts
tests/fixtures/starter/*            more of the same; nothing in it is anybody's image
"""
import json

import torch
from safetensors.torch import save_file

from starter import ASSETS, Starter, synthetic

SIZES = [(260, 260), (400, 300), (97, 351), (1, 1), (4000, 3)]
GOLDEN_TEXTS = ["a photo of a dog", "Two children play football in the rain."]
TEXTS = [
    "a photo of a dog",
    "golf ball",
    "a building where people pray",
    "café naïve déjà vu",
    "The quick brown fox jumps over the lazy dog; 3.14 times!",
    "unbelievably long word: pneumonoultramicroscopicsilicovolcanoconiosis",
    "",
    "日本語のテキスト and 한국어",
    "🐕 a dog emoji \u0000 and a control\u0007 character\t\n",
    "x" * 101 + " y",
    "one two three four five six seven eight nine ten " * 60,
]

model = Starter()
fixtures = ASSETS.parents[1] / "tests" / "fixtures" / "starter"
_, golden = model.text(GOLDEN_TEXTS)
image = model.image(model.pixels(synthetic(400, 300)))
save_file({"image": image[0].contiguous(), "texts": golden.contiguous()}, ASSETS / "golden.safetensors")

texts = [model.text([t]) for t in TEXTS]
images = torch.cat([model.image(model.pixels(synthetic(*s))) for s in SIZES])
save_file(
    {"text_raw": torch.cat([raw for raw, _ in texts]), "text": torch.cat([t for _, t in texts]), "image": images},
    fixtures / "reference.safetensors",
)
book = {"sizes": SIZES, "texts": TEXTS, "token_ids": [model.ids(t) for t in TEXTS]}
(fixtures / "reference.json").write_text(json.dumps(book, ensure_ascii=True) + "\n")
