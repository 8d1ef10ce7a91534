"""The peer of benches/embed.rs: times the same work in PyTorch f32, one task a line of standard input.

A line is `TASK BATCH THREADS REPEATS` with TASK image, image_cl (channels last), or text; the answer is the least wall
time and the least CPU time of one repeat, in ms.
"""
import sys
import time

import torch

from starter import Starter, synthetic

model = Starter()
pixels = {}


def image(batch, layout):
    key = (batch, layout)
    if key not in pixels:
        one = model.pixels(synthetic(400, 300)).expand(batch, -1, -1, -1)
        pixels[key] = one.contiguous(memory_format=layout)
    return lambda: model.image(pixels[key])


def text(batch):
    texts = ["a photo of a dog", "Two children play football in the rain.", "golf ball", "a plate of food on a wooden table"]
    batch = [texts[i % len(texts)] for i in range(batch)]
    return lambda: model.text(batch)


print("ready", torch.__version__, flush=True)
for line in sys.stdin:
    task, batch, threads, repeats = line.split()
    torch.set_num_threads(int(threads))
    if task == "text":
        work = text(int(batch))
    else:
        work = image(int(batch), torch.channels_last if task == "image_cl" else torch.contiguous_format)
    work()
    wall, cpu = [], []
    for _ in range(int(repeats)):
        w, c = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - w)
        cpu.append(time.process_time() - c)
    print(min(wall) * 1e3, min(cpu) * 1e3, flush=True)
