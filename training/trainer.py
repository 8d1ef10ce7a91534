"""One training run on cached features and text vectors, and the mean of several."""

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

import losses
import packages
import quantise
import texts
from model import BROAD, CAPTIONS, HYPERNYMS, NAMES, ImageHead, Student, TextAdapter


@dataclass
class Recipe:
    """Hyperparameters; weights are those of the losses of the same name."""

    seed: int = 0
    steps: int = 950
    batch: int = 512
    rate: float = 1e-3
    decay: float = 0.2
    hidden: int = 256
    adapter_hidden: int = 256
    dropout: float = 0.4
    mixed: float = 0.3
    synthetic: float = 0.3
    distractors: int = 400
    extra: int = 256
    average: float = 0.99
    soft: float = 0.2
    soft_scale: float = 20.0
    distillation: float = 8.0
    hypernyms: float = 0.5
    broad: float = 0.5
    restraint: float = 12.0
    captions: float = 1.0
    retention: float = 8.0
    relations: float = 0.5


class Synthesiser:
    """Features for classes without images: moving along covariance x classifier weight raises one logit.

    The teacher stays exact, since its logits are computed from the moved features themselves.
    """

    def __init__(self, pooled, classifier):
        pooled = pooled - pooled.mean(0)
        covariance = pooled.T @ pooled / len(pooled)
        weight = classifier - classifier.mean(0)
        direction = weight @ covariance
        self.step = direction / (weight * direction).sum(1, keepdim=True)

    def __call__(self, x, top):
        wanted = torch.randint(0, len(self.step), (len(x),))
        up, down = torch.rand(len(x), 1) * 10 + 7, torch.rand(len(x), 1) * 9
        return (x + up * self.step[wanted] - down * self.step[top]).clamp(0, 6)


class Trainer:
    """One training run on cached features."""

    def __init__(self, recipe, kit, bank, text_bank):
        self.recipe, self.bank, self.texts = recipe, bank, text_bank
        torch.manual_seed(recipe.seed)
        self.rng = np.random.default_rng(recipe.seed)
        self.train, self.held, self.held_others = kit.split()
        self.caption_rows = caption_rows(kit, text_bank)
        self.captioned = np.array([i for i in self.train if self.caption_rows[i]])
        self.vectors = text_bank.caption_vectors
        backbone = quantise.round_trip(packages.backbone())
        classifier = backbone["image.fc"], backbone["image.fc.bias"]
        pooled, mids = bank[bank.whole(self.train)]
        inputs = torch.cat([pooled, mids], 1)
        names = F.normalize(text_bank.names.mean(0), dim=1)
        shared = torch.random.get_rng_state()
        torch.manual_seed(0)  # every seed starts from the same weights, so that runs may be averaged
        head = ImageHead(inputs.mean(0), inputs.std(0), classifier, names, recipe.hidden, recipe.dropout)
        self.student = Student(head, TextAdapter(recipe.adapter_hidden))
        torch.random.set_rng_state(shared)
        self.synthesise = Synthesiser(pooled, classifier[0])
        with torch.no_grad():
            self.logits = torch.cat([head.classify(part.float()) for part in bank.features.split(4096)])
        self.averaged = copy.deepcopy(self.student)

    def optimiser(self):
        r = self.recipe
        parameters = list(self.student.parameters())
        groups = [
            dict(params=[p for p in parameters if p.dim() >= 2], weight_decay=r.decay),
            dict(params=[p for p in parameters if p.dim() < 2], weight_decay=0.0),
        ]
        optimiser = torch.optim.AdamW(groups, lr=r.rate, betas=(0.9, 0.98))

        def rate(step):
            return min(1, (step + 1) / 50) * (0.5 * (1 + np.cos(np.pi * min(1, step / r.steps))) + 0.01)

        return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, rate)

    def run(self, log=print, every=100):
        """Train to completion; returns the running average of the weights."""
        optimiser, schedule = self.optimiser()
        self.student.train()
        began = time.time()
        for step in range(self.recipe.steps):
            parts = self.losses(*self.batch())
            loss = sum(getattr(self.recipe, name) * value for name, value in parts.items())
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            self.follow(step)
            if step % every == every - 1 or step + 1 == self.recipe.steps:
                shown = " ".join(f"{n} {v.item():.3f}" for n, v in parts.items())
                held = " ".join(f"{n} {v:.3f}" for n, v in self.held_out().items())
                log(f"step {step + 1}, {time.time() - began:.0f} s: {shown} | held out: {held}", flush=True)
        return self.averaged

    def follow(self, step):
        keep = min(self.recipe.average, (step + 1) / (step + 10))
        with torch.no_grad():
            for mean, value in zip(self.averaged.parameters(), self.student.parameters()):
                mean.lerp_(value, 1 - keep)

    def batch(self):
        """Features (captioned half, then any images), the teacher's logits, and one caption for the first half."""
        r, rng = self.recipe, self.rng
        pictures = rng.choice(self.captioned, r.batch, replace=False)
        rows = np.concatenate([self.bank.draw(pictures, rng), self.bank.draw(rng.choice(self.train, r.batch), rng)])
        said = torch.tensor([rng.choice(self.caption_rows[i]) for i in pictures])
        x, mids = self.bank[rows]
        logits = self.logits[torch.from_numpy(rows)]
        self.mix(x, mids, logits)
        made_up = slice(len(x) - int(r.batch * r.synthetic), None)
        x[made_up] = self.synthesise(x[made_up], logits[made_up].argmax(1))
        logits[made_up] = self.student.head.classify(x[made_up])
        return x, mids, logits, said

    def mix(self, *values):
        """Mix some of the second half with each other, in place; the teacher's logits are linear, so they mix too."""
        r = self.recipe
        count = int(r.batch * r.mixed)
        first, other = slice(r.batch, r.batch + count), r.batch + torch.randperm(r.batch)[:count]
        share = torch.from_numpy(self.rng.beta(0.4, 0.4, (count, 1))).float()
        for value in values:
            value[first] = share * value[first] + (1 - share) * value[other]

    def losses(self, x, mids, logits, said):
        r, bank, n = self.recipe, self.texts, self.recipe.batch
        raw = dict(
            names=bank.names[self.rng.integers(len(bank.names))],
            hypernyms=bank.hypernyms[:, self.rng.integers(bank.hypernyms.shape[1])],
            distractors=bank.distractors[torch.randint(0, len(bank.distractors), (r.distractors,))],
            broad=bank.broad[:, self.rng.integers(bank.broad.shape[1])],
            said=self.vectors[said],
            extra=self.vectors[torch.randint(0, len(self.vectors), (r.extra,))],
            sentences=bank.sentences[torch.randint(0, len(bank.sentences), (r.extra,))],
        )
        teacher = logits.softmax(1)
        images = self.student.head(x, mids, teacher)
        adapted = self.student.adapter(torch.cat(list(raw.values())))
        t = dict(zip(raw, adapted.split([len(v) for v in raw.values()])))
        scale = self.student.scales()
        broader, share, broad, sure = losses.confident_mass(teacher, bank.covers, bank.partition)
        kept = torch.cat([raw[k] for k in ("extra", "sentences", "names", "hypernyms", "distractors")])
        kept_now = torch.cat([t[k] for k in ("extra", "sentences", "names", "hypernyms", "distractors")])
        near, relations = losses.retention(kept_now, kept, 2 * r.extra)
        likeness = (raw["said"] @ raw["said"].T * r.soft_scale).softmax(1)
        same = (said[:, None] == said[None]).float()
        return dict(
            distillation=losses.distillation(images, t["names"], scale[NAMES], teacher),
            hypernyms=losses.membership(images, t["hypernyms"], t["distractors"], scale[HYPERNYMS], share, sure),
            broad=losses.membership(images, t["broad"], t["distractors"], scale[BROAD], broad, sure),
            restraint=losses.restraint(
                images, torch.cat([t["broad"][:-1], t["hypernyms"]]), t["distractors"],
                losses.absent_words(broader, broad[:, :-1], sure),
            ),
            captions=losses.contrastive(t["said"], images[:n], scale[CAPTIONS], same, likeness, r.soft),
            retention=near,
            relations=relations,
        )

    @torch.no_grad()
    def held_out(self, student=None):
        """On held-out images: retrieval by caption, and recovery of the classifier's names."""
        student = (student or self.averaged).eval()
        images = student.head(*self.bank[self.bank.whole(self.held)])
        owner = torch.tensor([k for k, i in enumerate(self.held) for _ in self.caption_rows[i]])
        said = student.adapter(self.vectors[[c for i in self.held for c in self.caption_rows[i]]])
        scores = said @ images.T
        rank = (scores > scores[torch.arange(len(owner)), owner][:, None]).sum(1)
        x, mids = self.bank[self.bank.whole(self.held_others)]
        best = student.head.classify(x).softmax(1).max(1)
        found = (student.head(x, mids) @ student.adapter(self.texts.names[1]).T).argmax(1)
        sure = best.values > 0.5
        out = {f"R@{k}": (rank < k).float().mean().item() for k in (1, 5, 10)}
        out["names"] = (found == best.indices)[sure].float().mean().item()
        out["kept"] = (said * self.vectors[[c for i in self.held for c in self.caption_rows[i]]]).sum(1).mean().item()
        return out


def caption_rows(kit, bank):
    """For each image the rows of its captions in the bank; greyscale scenes get the phrasings of their scene."""
    place = {c: i for i, c in enumerate(bank.captions)}
    rows = [[place[c] for c in kit.captions(i)] for i in range(len(kit))]
    wordings, scenes = len(texts.SCENE_TEMPLATES), list(texts.SCENES)
    for i in range(len(kit)):
        if kit.source(i) == "scene15-grey":
            first = len(bank.captions) + wordings * scenes.index(kit.label(i).lower())
            rows[i] = list(range(first, first + wordings))
    return rows


def average(students):
    """Mean weights of runs that started from the same weights."""
    mean = copy.deepcopy(students[0])
    with torch.no_grad():
        for target, *values in zip(mean.parameters(), *(s.parameters() for s in students)):
            target.copy_(torch.stack(values).mean(0))
    return mean
