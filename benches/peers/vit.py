"""The peer of benches/vit.rs: a CLIP, SigLIP, Nomic Embed or MobileCLIP checkpoint in PyTorch, ONNX Runtime, faster-clip.

`vit.py FOLDER [DEVICE]` reads the configuration and the weights; DEVICE is cpu, cuda:N or metal. A line of standard input is
`ENGINE BATCH THREADS REPEATS` with ENGINE torch (f32), f16 or bf16 (PyTorch, on the device), and on the CPU ort (ONNX Runtime,
f32) or faster (faster-clip, int8 weights, CLIP ViT-B/32 only); the answer is the least wall time and the least CPU time of one
repeat, in ms. Needs torch, safetensors, numpy; onnx, onnxscript and onnxruntime for ort; timm for a MobileCLIP; Pillow and
faster-clip for faster.
"""
import copy
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from session import session

ACT = {
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "gelu": F.gelu,
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
}


class Block(torch.nn.Module):
    """A pre-norm block of CLIP and SigLIP."""

    def __init__(self, weights, at, heads, act, eps):
        super().__init__()
        self.heads, self.act, self.eps = heads, ACT[act], eps
        part = lambda name: torch.cat([weights[f"{at}self_attn.{p}_proj.{name}"] for p in "qkv"])
        self.qkv_w, self.qkv_b = part("weight"), part("bias")
        get = lambda name: (weights[f"{at}{name}.weight"], weights[f"{at}{name}.bias"])
        self.out, self.fc1, self.fc2 = get("self_attn.out_proj"), get("mlp.fc1"), get("mlp.fc2")
        self.norm1, self.norm2 = get("layer_norm1"), get("layer_norm2")

    def forward(self, x):
        b, n, d = x.shape
        y = F.layer_norm(x, (d,), *self.norm1, self.eps)
        q, k, v = F.linear(y, self.qkv_w, self.qkv_b).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d)
        x = x + F.linear(y, *self.out)
        y = F.layer_norm(x, (d,), *self.norm2, self.eps)
        return x + F.linear(self.act(F.linear(y, *self.fc1)), *self.fc2)


class Tower(torch.nn.Module):
    """Pixels to unit vectors. SigLIP's pooling head is omitted: it processes the images once, not twelve times."""

    def __init__(self, folder):
        super().__init__()
        config = json.load(open(os.path.join(folder, "config.json")))
        weights = {k: v.float() for k, v in load_file(os.path.join(folder, "model.safetensors")).items()}
        vision, self.clip = config["vision_config"], config["model_type"] == "clip"
        get = lambda name, default: vision.get(name, default)
        self.size, patch = get("image_size", 224), get("patch_size", 16)
        act, self.eps = get("hidden_act", "gelu_pytorch_tanh"), get("layer_norm_eps", 1e-6)
        heads, layers = get("num_attention_heads", 12), get("num_hidden_layers", 12)
        at = "vision_model."
        self.patch, self.stride = (weights[at + "embeddings.patch_embedding.weight"], weights.get(at + "embeddings.patch_embedding.bias")), patch
        self.place = weights[at + "embeddings.position_embedding.weight"]
        self.blocks = torch.nn.ModuleList(Block(weights, f"{at}encoder.layers.{i}.", heads, act, self.eps) for i in range(layers))
        self.post = (weights[at + "post_layernorm.weight"], weights[at + "post_layernorm.bias"])
        if self.clip:
            self.cls = weights[at + "embeddings.class_embedding"]
            self.pre = (weights[at + "pre_layrnorm.weight"], weights[at + "pre_layrnorm.bias"])
            self.project = weights["visual_projection.weight"]

    def forward(self, pixels):
        x = F.conv2d(pixels, *self.patch, stride=self.stride).flatten(2).transpose(1, 2)
        d = x.shape[-1]
        if self.clip:
            x = torch.cat([self.cls.expand(x.shape[0], 1, d), x], 1)
        x = x + self.place
        if self.clip:
            x = F.layer_norm(x, (d,), *self.pre, self.eps)
        for block in self.blocks:
            x = block(x)
        if self.clip:
            x = F.linear(F.layer_norm(x[:, 0], (d,), *self.post, self.eps), self.project)
        else:
            x = F.layer_norm(x, (d,), *self.post, self.eps).mean(1)
        return F.normalize(x, dim=-1)


class NomicBlock(torch.nn.Module):
    """A block of Nomic Embed Vision: rotary positions, a gated feed-forward half with a norm inside."""

    def __init__(self, weights, at, heads, eps):
        super().__init__()
        self.heads, self.eps = heads, eps
        get = lambda name: (weights[f"{at}{name}.weight"], weights[f"{at}{name}.bias"])
        self.norm1, self.qkv, self.out = get("norm1"), get("attn.Wqkv"), get("attn.out_proj")
        self.norm2, self.value, self.gate = get("norm2"), get("mlp.fc11"), get("mlp.fc12")
        self.inner, self.fc2 = get("mlp.norm"), get("mlp.fc2")

    def forward(self, x, cos, sin):
        b, n, d = x.shape
        y = F.linear(F.layer_norm(x, (d,), *self.norm1, self.eps), *self.qkv)
        q, k, v = y.view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)

        def turn(x):
            a, b = x[..., 0::2], x[..., 1::2]
            return torch.stack((a * cos - b * sin, b * cos + a * sin), -1).flatten(-2)

        y = F.scaled_dot_product_attention(turn(q), turn(k), v).transpose(1, 2).reshape(b, n, d)
        x = x + F.linear(y, *self.out)
        y = F.layer_norm(x, (d,), *self.norm2, self.eps)
        y = F.linear(y, *self.value) * F.silu(F.linear(y, *self.gate))
        return x + F.linear(F.layer_norm(y, y.shape[-1:], *self.inner, 1e-5), *self.fc2)


class Nomic(torch.nn.Module):
    """Pixels to unit vectors; the pooling head is omitted as for SigLIP."""

    def __init__(self, folder):
        super().__init__()
        config = json.load(open(os.path.join(folder, "config.json")))
        weights = {k: v.float() for k, v in load_file(os.path.join(folder, "model.safetensors")).items()}
        self.size, self.stride = config["img_size"], config["patch_size"]
        heads, eps, width = config["n_head"], config["layer_norm_epsilon"], config["n_embd"]
        project = weights["embeddings.proj.weight"].view(width, 3, self.stride, self.stride)
        self.patch = (project, weights["embeddings.proj.bias"])
        self.cls, self.place = weights["embeddings.cls_token"], weights["embeddings.pos_embed"]
        self.blocks = torch.nn.ModuleList(NomicBlock(weights, f"layers.{i}.", heads, eps) for i in range(config["n_layer"]))
        grid, bands = self.size // self.stride, width // heads // 4
        band = 1 / config.get("rotary_emb_base", 10000) ** (torch.arange(bands) / bands)
        at = torch.arange(grid)[:, None] * band
        angles = torch.cat((at[:, None].expand(grid, grid, bands), at[None].expand(grid, grid, bands)), -1)
        angles = torch.cat((torch.zeros(1, 2 * bands), angles.reshape(grid * grid, 2 * bands)))
        self.cos, self.sin = angles.cos(), angles.sin()

    def forward(self, pixels):
        x = F.conv2d(pixels, *self.patch, stride=self.stride).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], 1, x.shape[-1]), x], 1) + self.place
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return F.normalize(x[:, 0], dim=-1)


class MobileClip(torch.nn.Module):
    """The FastViT of a MobileCLIP, its branches merged as its authors do for inference."""

    def __init__(self, folder):
        super().__init__()
        import timm

        config = json.load(open(os.path.join(folder, "open_clip_config.json")))["model_cfg"]
        weights, at = load_file(os.path.join(folder, "open_clip_model.safetensors")), "visual.trunk."
        trunk = timm.create_model(config["vision_cfg"]["timm_model_name"], num_classes=config["embed_dim"])
        trunk.load_state_dict({k[len(at) :]: v for k, v in weights.items() if k.startswith(at)}, strict=False)
        self.trunk, self.size = timm.utils.reparameterize_model(trunk.eval()), config["vision_cfg"]["image_size"]

    def forward(self, pixels):
        return F.normalize(self.trunk(pixels), dim=-1)


def faster_clip(folder, size):
    """A function that runs the package faster-clip on a batch; it decodes and prepares images itself, so it gets tiny files."""
    import io
    import tempfile

    from PIL import Image

    cache = tempfile.mkdtemp()
    place = os.path.join(cache, "sentence-transformers__clip-ViT-B-32", "0_CLIPModel")
    os.makedirs(place)
    os.symlink(os.path.realpath(os.path.join(folder, "model.safetensors")), os.path.join(place, "model.safetensors"))
    os.environ["FASTER_CLIP_CACHE"] = cache
    from faster_clip import ClipModel

    file, model = io.BytesIO(), ClipModel()
    Image.new("RGB", (size, size), (120, 90, 60)).save(file, "PNG")
    return lambda batch: model.encode_image([file.getvalue()] * batch)


def load(folder):
    """The tower of a folder."""
    if os.path.exists(os.path.join(folder, "open_clip_config.json")):
        return MobileClip(folder)
    if os.path.isdir(os.path.join(folder, "vision")):
        folder = os.path.join(folder, "vision")
    config = json.load(open(os.path.join(folder, "config.json")))
    return Nomic(folder) if config["model_type"] == "nomic_bert" else Tower(folder)


def buffers(module):
    """Lets the weights follow `.to(dtype)` though they are plain attributes."""
    for part in module.modules():
        for name, value in list(vars(part).items()):
            if isinstance(value, torch.Tensor):
                delattr(part, name)
                part.register_buffer(name, value)
            elif isinstance(value, tuple) and any(isinstance(v, torch.Tensor) for v in value):
                delattr(part, name)
                part.add_module(name, Pair(value))
    return module


class Pair(torch.nn.Module):
    """A weight and a bias, unpacked by `*`."""

    def __init__(self, values):
        super().__init__()
        self.register_buffer("w", values[0])
        self.register_buffer("b", values[1])

    def __iter__(self):
        return iter((self.w, self.b))


@torch.no_grad()
def main():
    device = torch.device({"metal": "mps"}.get(sys.argv[2], sys.argv[2]) if len(sys.argv) > 2 else "cpu")
    tower = buffers(load(sys.argv[1])).eval().to(device)
    halves, faster, sessions = {}, None, {}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the exporter prints to stdout
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print("ready", torch.__version__, "on", card, file=answers, flush=True)
    for line in sys.stdin:
        engine, batch, threads, repeats = line.split()
        torch.set_num_threads(int(threads))
        pixels = torch.linspace(-1, 1, 3 * tower.size**2).view(1, 3, tower.size, tower.size).repeat(int(batch), 1, 1, 1)
        if engine == "ort":
            if threads not in sessions:
                sessions[threads] = session(tower, (3, tower.size, tower.size), int(threads))
            run = lambda: sessions[threads](pixels)
        elif engine == "faster":
            faster = faster or faster_clip(sys.argv[1], tower.size)
            run = lambda: faster(int(batch))
        elif engine in ("f16", "bf16"):
            dtype = {"f16": torch.float16, "bf16": torch.bfloat16}[engine]
            if engine not in halves:
                halves[engine] = copy.deepcopy(tower).to(dtype)
            # From the computer's memory and back, which also waits for the device.
            run = lambda: halves[engine](pixels.to(device, dtype)).float().cpu()
        else:
            run = lambda: tower(pixels.to(device)).cpu()
        run()
        wall, cpu = [], []
        for _ in range(int(repeats)):
            w, c = time.perf_counter(), time.process_time()
            run()
            wall.append(time.perf_counter() - w)
            cpu.append(time.process_time() - c)
        print(min(wall) * 1e3, min(cpu) * 1e3, file=answers, flush=True)


main()
