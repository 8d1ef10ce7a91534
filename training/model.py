"""What is trained: the image head and the text adapter."""

import torch
import torch.nn as nn
import torch.nn.functional as F

import packages

CAPTIONS, NAMES, HYPERNYMS, BROAD = range(4)  # indices of the softmax scales


class ImageHead(nn.Module):
    """A small MLP and a linear skip next to the classifier's softmax times one vector per class.

    MLP and skip start at zero and the class vectors at the names' own vectors, so that training starts from the
    best thing that needs no training: names averaged by the backbone's softmax.
    """

    def __init__(self, mean, std, classifier, names, hidden, dropout):
        super().__init__()
        width = len(mean)
        self.register_buffer("in_scale", 1 / (std + 1e-3))
        self.register_buffer("in_shift", -mean / (std + 1e-3))
        self.register_buffer("fc_weight", classifier[0])
        self.register_buffer("fc_bias", classifier[1])
        self.l1 = nn.Linear(width, hidden)
        self.l2 = nn.Linear(hidden, packages.DIM)
        self.skip = nn.Linear(width, packages.DIM)
        for layer in (self.l2, self.skip):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.class_vectors = nn.Parameter(names.clone())
        self.gain = nn.Parameter(torch.ones(()))
        self.dropout = dropout

    def classify(self, features):
        """The backbone's own logits."""
        return F.linear(features, self.fc_weight, self.fc_bias)

    def forward(self, features, mids, probabilities=None):
        """`probabilities`: the softmax of `classify(features)`, if it is already known."""
        if probabilities is None:
            probabilities = self.classify(features).softmax(1)
        x = torch.cat([features, mids], 1) * self.in_scale + self.in_shift
        x = F.dropout(x, self.dropout, self.training)
        z = self.l2(F.dropout(F.gelu(self.l1(x)), self.dropout, self.training)) + self.skip(x)
        return F.normalize(z + self.gain * (probabilities @ self.class_vectors), dim=1)

    def tensors(self):
        """Named as in the file."""
        out = {"image.in_scale": self.in_scale, "image.in_shift": self.in_shift}
        out["image.class_vectors"] = self.class_vectors * self.gain
        for name in ("l1", "l2", "skip"):
            layer = getattr(self, name)
            out[f"image.{name}"], out[f"image.{name}.bias"] = layer.weight, layer.bias
        return {k: v.detach().clone() for k, v in out.items()}


class TextAdapter(nn.Module):
    """A residual MLP on MiniLM's vectors, initially zero."""

    def __init__(self, hidden):
        super().__init__()
        self.l1 = nn.Linear(packages.DIM, hidden)
        self.l2 = nn.Linear(hidden, packages.DIM)
        nn.init.zeros_(self.l2.weight)
        nn.init.zeros_(self.l2.bias)

    def forward(self, raw):
        return F.normalize(raw + self.l2(F.gelu(self.l1(raw))), dim=1)

    def tensors(self):
        out = {}
        for name in ("l1", "l2"):
            layer = getattr(self, name)
            out[f"text.adapter.{name}"] = layer.weight.detach().clone()
            out[f"text.adapter.{name}.bias"] = layer.bias.detach().clone()
        return out


class Student(nn.Module):
    """Both trained sides and the learned softmax scales."""

    def __init__(self, head, adapter, name_scale=30.0):
        super().__init__()
        self.head, self.adapter = head, adapter
        self.log_scale = nn.Parameter(torch.tensor([20.0, name_scale, 20.0, 20.0]).log())

    def scales(self, largest_caption=25.0, largest=80.0):
        scale = self.log_scale.exp()
        return torch.cat([scale[:1].clamp(max=largest_caption), scale[1:].clamp(max=largest)])

    def tensors(self):
        return {**self.head.tensors(), **self.adapter.tensors()}
