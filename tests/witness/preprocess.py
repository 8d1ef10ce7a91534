"""What Hugging Face's slow image processors make of pictures: `preprocess.py CONFIG…`.

Standard input: one picture after another, width and height (u32, little-endian), then its RGB bytes. Standard output: the pixel
values (f32, little-endian, channels first) of every picture by every configuration, pictures first.
"""
import json
import sys

import hf_processors_rs
import numpy as np

processors = []
for config in sys.argv[1:]:
    with open(config, encoding="utf-8") as file:
        processors.append(hf_processors_rs.AutoImageProcessor.from_dict(json.load(file), backend="pil"))
while head := sys.stdin.buffer.read(8):
    width, height = np.frombuffer(head, "<u4").tolist()
    picture = np.frombuffer(sys.stdin.buffer.read(width * height * 3), np.uint8).reshape(height, width, 3)
    for processor in processors:
        sys.stdout.buffer.write(np.ascontiguousarray(processor(picture), "<f4").tobytes())
