"""The peer of benches/embed.rs: times the same work in PyTorch and ONNX Runtime f32, one task per line of standard input.

A line is `TASK BATCH THREADS REPEATS` with TASK image, image_cl (channels last), image_ort (ONNX Runtime), or text; the
answer is the least wall time and the least CPU time of one repeat, in ms. image_ort needs onnx, onnxscript, onnxruntime.
"""
import os
import sys
import time

import torch

from session import session
from starter import Starter, synthetic

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # the exporter prints to stdout
model = Starter()
pixels, sessions = {}, {}


class Image(torch.nn.Module):
    """The image tower in the form the exporter needs."""

    def forward(self, x):
        return model.image(x)


def image(batch, layout):
    key = (batch, layout)
    if key not in pixels:
        one = model.pixels(synthetic(400, 300)).expand(batch, -1, -1, -1)
        pixels[key] = one.contiguous(memory_format=layout)
    return lambda: model.image(pixels[key])


def image_ort(batch, threads):
    image(batch, torch.contiguous_format)
    if threads not in sessions:
        sessions[threads] = session(Image(), (3, *pixels[(batch, torch.contiguous_format)].shape[2:]), threads)
    return lambda: sessions[threads](pixels[(batch, torch.contiguous_format)])


def text(batch):
    texts = ["a photo of a dog", "Two children play football in the rain.", "golf ball", "a plate of food on a wooden table"]
    batch = [texts[i % len(texts)] for i in range(batch)]
    return lambda: model.text(batch)


print("ready", torch.__version__, file=answers, flush=True)
for line in sys.stdin:
    task, batch, threads, repeats = line.split()
    torch.set_num_threads(int(threads))
    if task == "text":
        work = text(int(batch))
    elif task == "image_ort":
        work = image_ort(int(batch), int(threads))
    else:
        work = image(int(batch), torch.channels_last if task == "image_cl" else torch.contiguous_format)
    work()
    wall, cpu = [], []
    for _ in range(int(repeats)):
        w, c = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - w)
        cpu.append(time.process_time() - c)
    print(min(wall) * 1e3, min(cpu) * 1e3, file=answers, flush=True)
