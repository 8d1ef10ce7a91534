"""Evaluate one or more models on the evaluation data with the same code.

    python training/evaluate.py --model assets/starter --data ../shared/data

Give `--model` several times to see models side by side. Everything is computed from the exported, quantised
files in f32. No image in `--data` was trained on.
"""

import argparse
import csv
import json
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.stats import spearmanr

import towers

TWELVE = "space office animal furniture mineral transportation fruit vegetable school sports music science".split()
BATCH = 8

MUSIC = re.compile(
    r"accordion|guitar|piano|flute|french horn|sax|violin|cello|trumpet|trombone|drum|harp|harmonica|banjo|oboe"
    r"|mandolin|metronome|gramophone|euphonium|maraca|marimba|bassoon|organ"
)
FISH = re.compile(
    r"\b(fish|goldfish|tench|shark|ray|bass|eel|salmon|trout|sturgeon|puffer|anemone fish|stingray|gar|coho"
    r"|lionfish)\b"
)
FLYING = re.compile(
    r"airplane|aeroplane|airliner|helicopter|parachute|bird|balloon|kite|warplane|airship|space shuttle|butterfly"
    r"|dragonfly|bee\b|eagle|owl|flamingo|ibis|emu|rooster|pigeon|hummingbird|macaw|toucan|jay"
)
WORSHIP = re.compile(r"church|mosque|pagoda|stupa|monastery|temple")


def read_csv(path, **options):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f, **options))


def read_lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


class Photos:
    """`data/photos`: images with a label, a coarse group, or captions."""

    def __init__(self, data):
        self.data, self.folder = Path(data), Path(data) / "photos"
        rows = read_csv(self.folder / "labels.csv")
        self.files = [r["file"] for r in rows]
        self.sets = np.array([r["file"].split("/")[0] for r in rows])
        self.labels = np.array([r["label_text"] for r in rows])
        self.lower = np.array([r["label_text"].lower() for r in rows])
        self.coarse = np.array([r["coarse"] for r in rows])
        self.captions = [[] for _ in rows]
        place = {f: i for i, f in enumerate(self.files)}
        for row in read_csv(self.folder / "captions.csv"):
            if row["file"] in place:
                self.captions[place[row["file"]]].append(row["caption"])
        names = json.loads((self.data / "label_lists" / "imagenet-simple-labels.json").read_text())
        dogs = {n.lower() for n in names[151:269]} | {"dog", "english springer", "puppy", "dalmatian"}
        self.dogs = np.isin(self.lower, sorted(dogs))
        self.animals = np.isin(self.coarse, ["animal", "prehistoric animal"])
        self.labelled = self.coarse != "scene"

    def of(self, name):
        return np.flatnonzero(self.sets == name)

    def labelled_like(self, pattern):
        return np.array([bool(pattern.search(x)) for x in self.lower])

    def captioned(self, name):
        """Images of a set, their captions, and for each caption the index of its image."""
        rows = [i for i in self.of(name) if self.captions[i]]
        texts = [c for i in rows for c in self.captions[i]]
        owner = np.array([k for k, i in enumerate(rows) for _ in self.captions[i]])
        return np.array(rows), texts, owner


class Encoder:
    """A model over the photos: image vectors computed once, text vectors cached."""

    def __init__(self, folder, photos):
        self.model = towers.Starter(folder)
        self.known = {}
        self.images = self.model.image(*self.pooled(photos))

    def pooled(self, photos):
        features, mids = [], []
        for start in range(0, len(photos.files), BATCH):
            batch = []
            for name in photos.files[start : start + BATCH]:
                with Image.open(photos.folder / name) as picture:
                    batch.append(towers.pixels(picture))
            f, m = self.model.trunk(np.stack(batch))
            features.append(f)
            mids.append(m)
        return torch.cat(features), torch.cat(mids)

    def texts(self, texts):
        new = [t for t in dict.fromkeys(texts) if t not in self.known]
        if new:
            self.known.update(zip(new, self.model.text(new)))
        return torch.stack([self.known[t] for t in texts])

    def prompts(self, names):
        return self.texts([f"a photo of a {n}" for n in names])


def zero_shot(encoder, photos):
    for name in ("imagenette", "everyday", "caltech101"):
        rows = photos.of(name)
        names = sorted(set(photos.labels[rows]))
        truth = torch.tensor([names.index(x) for x in photos.labels[rows]])
        order = (encoder.images[rows] @ encoder.prompts(names).T).argsort(1, descending=True)
        hit = order == truth[:, None]
        for k in (1, 5):
            yield f"{name}-{len(names)} zero-shot top-{k}", hit[:, :k].any(1).float().mean().item()


def queries(encoder, photos):
    """Share of right images among the first ten."""
    names = sorted(set(photos.labels[photos.of("imagenette")]))
    hits = []
    for name, scores in zip(names, encoder.prompts(names) @ encoder.images.T):
        hits.append(np.mean(photos.lower[scores.topk(10).indices.numpy()] == name.lower()))
    yield "text -> image P@10, imagenette names among all", float(np.mean(hits))
    wanted = {
        "a tiny white ball": photos.lower == "golf ball",
        "gas station": np.isin(photos.lower, ["gas pump", "gas station"]),
        "a building where people pray": photos.labelled_like(WORSHIP),
        "music": photos.labelled_like(MUSIC),
        "a fish": photos.labelled_like(FISH),
        "a pet dog": photos.dogs,
        "something that flies in the sky": photos.labelled_like(FLYING),
        "animals": photos.animals,
    }
    rows = np.flatnonzero(photos.labelled)
    for query, right in wanted.items():
        scores = encoder.images[rows] @ encoder.texts([query])[0]
        yield f'"{query}" P@10', float(np.mean(right[rows][scores.topk(10).indices.numpy()]))


def captions(encoder, photos):
    centroids, pairs = [], []
    for name in ("flickr8k_200px", "coco"):
        rows, texts, owner = photos.captioned(name)
        label = f"{name.split('_')[0]}-{len(rows)}"
        images, vectors = encoder.images[rows], encoder.texts(texts)
        scores = vectors @ images.T
        own = scores[torch.arange(len(owner)), owner]
        rank = (scores > own[:, None]).sum(1)
        for k in (1, 5, 10):
            yield f"{label} caption -> image R@{k}", (rank < k).float().mean().item()
        top = scores.T.topk(10, 1).indices.numpy()
        yield f"{label} image -> caption R@10", float(np.mean((owner[top] == np.arange(len(rows))[:, None]).any(1)))
        among = vectors @ vectors.T
        among.fill_diagonal_(-9)
        top = among.topk(10, 1).indices.numpy()
        yield f"{label} caption <-> caption R@10", float(np.mean((owner[top] == owner[:, None]).any(1)))
        centroids.append((vectors, images))
        pairs.append(own)
    texts, images = (torch.cat(side) for side in zip(*centroids))
    yield "modality gap: distance of centroids", (texts.mean(0) - images.mean(0)).norm().item()
    yield "mean cosine of true pairs", torch.cat(pairs).mean().item()


def neighbours(encoder, photos):
    for name in ("caltech101", "imagenette"):
        rows = photos.of(name)
        scores = encoder.images[rows] @ encoder.images[rows].T
        scores.fill_diagonal_(-9)
        labels = photos.labels[rows]
        top = scores.topk(5, 1).indices.numpy()
        yield f"image -> image same class P@5, {name}", float(np.mean(labels[top] == labels[:, None]))


def twelve_words(encoder, photos):
    best = np.array(TWELVE)[(encoder.images @ encoder.texts(TWELVE).T).argmax(1).numpy()]
    others = photos.labelled & ~photos.animals
    yield "dogs -> animal, of twelve words", float(np.mean(best[photos.dogs] == "animal"))
    yield "all animals -> animal", float(np.mean(best[photos.animals] == "animal"))
    yield "others -> animal (wrong)", float(np.mean(best[others] == "animal"))
    for pattern, word in (("^golf ball$", "sports"), ("^french horn$", "music"), ("truck", "transportation"), ("chair", "furniture")):
        rows = photos.labelled_like(re.compile(pattern))
        yield f"{pattern.strip('^$')} -> {word}", float(np.mean(best[rows] == word))


def sentences(encoder, photos):
    folder = photos.data / "retrieval"
    rows = read_csv(folder / "stsb" / "stsb-en-test.csv")
    a, b = (encoder.texts([r[key] for r in rows]) for key in ("sentence1", "sentence2"))
    truth = [float(r["score_0_5"]) for r in rows]
    yield "STS-B test, Spearman", float(spearmanr((a * b).sum(1).numpy(), truth)[0])
    yield "Cranfield nDCG@10", cranfield(encoder, folder / "cranfield")


def cranfield(encoder, folder):
    corpus, asked = read_lines(folder / "corpus.jsonl"), read_lines(folder / "queries.jsonl")
    relevant = {}
    for row in read_csv(folder / "qrels.tsv", delimiter="\t"):
        relevant.setdefault(row["query-id"], {})[row["corpus-id"]] = float(row["score"])
    documents = encoder.texts([((d.get("title") or "") + " " + d["text"]).strip() for d in corpus])
    scores = encoder.texts([q["text"] for q in asked]) @ documents.T
    gains = []
    for query, row in zip(asked, scores):
        grades = relevant.get(query["_id"])
        if not grades:
            continue
        found = [grades.get(corpus[j]["_id"], 0) for j in row.topk(10).indices.tolist()]
        best = sorted(grades.values(), reverse=True)[:10]
        ideal = discounted(best)
        gains.append(discounted(found) / ideal if ideal else 0)
    return float(np.mean(gains))


def discounted(grades):
    return sum((2**g - 1) / np.log2(k + 2) for k, g in enumerate(grades))


def measure(folder, photos):
    """Every figure of one model, by name."""
    encoder, out = Encoder(folder, photos), {}
    for part in (zero_shot, queries, captions, neighbours, twelve_words, sentences):
        out.update(part(encoder, photos))
    return out


def table(columns):
    """The figures as Markdown."""
    lines = ["| figure | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for name in next(iter(columns.values())):
        lines.append(f"| {name} | " + " | ".join(f"{c[name]:.3f}" for c in columns.values()) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", action="append", required=True, help="folder with config.json and model.safetensors")
    parser.add_argument("--data", required=True, help="folder with photos, retrieval and label_lists")
    parser.add_argument("--json", help="also write the figures to this file")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    photos = Photos(args.data)
    columns = {folder: measure(folder, photos) for folder in args.model}
    print(f"{len(photos.files)} photos, models evaluated from their quantised files\n")
    print(table(columns))
    if args.json:
        Path(args.json).write_text(json.dumps(columns, indent=1))


if __name__ == "__main__":
    main()
