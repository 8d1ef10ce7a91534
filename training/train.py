"""Train the starter model's image head and text adapter, export, evaluate, and ship it if it is better.

    python training/train.py --training ../shared/training --data ../shared/data \\
        --work /tmp/starter-work --out assets/starter

Everything slow is cached in `--work`, so that a second run (or an interrupted one) goes on where it can.
All choices (steps, hub correction) are made on training images; `--data` is only measured, at the end.
"""

import argparse
import json
import shutil
import sys
from dataclasses import fields
from pathlib import Path

import torch
import torch.nn.functional as F

import data
import evaluate
import export
import features
import hub
import packages
import texts
from bank import FeatureBank
from trainer import Recipe, Trainer, average

SHIPPED = ("model.safetensors", "config.json", "vocab.txt")
NOISE = 0.02
SMALL_NOISE = 0.04  # figures on 150 images or fewer
SMALL = ("flickr8k", "coco", "P@10", "->")
DESCRIPTIVE = ("modality gap", "mean cosine")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--training", required=True, help="folder with index.csv and images-*.bin")
    parser.add_argument("--data", required=True, help="folder with photos, retrieval and label_lists")
    parser.add_argument("--work", required=True, help="folder for caches and results")
    parser.add_argument("--out", help="folder of the shipped model; replaced only if the new one is better")
    parser.add_argument("--wordnet", default="/usr/share/wordnet", help="WordNet 3.0 (Debian: wordnet-base)")
    parser.add_argument("--words", default="/usr/share/dict/american-english", help="word list (Debian: wamerican)")
    parser.add_argument("--views", type=int, default=6, help="views of the pictures to cache")
    parser.add_argument("--runs", type=int, default=3, help="runs (seeds) whose weights are averaged")
    parser.add_argument("--threads", type=int, default=2)
    for field in fields(Recipe):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    return parser.parse_args()


def trained(args, kit, bank, text_bank):
    """The mean of the runs; a finished run is not repeated unless its recipe changes."""
    runs = []
    for number in range(args.runs):
        values = {f.name: getattr(args, f.name) for f in fields(Recipe)}
        recipe = Recipe(**{**values, "seed": args.seed + number})
        trainer = Trainer(recipe, kit, bank, text_bank)
        path = Path(args.work) / f"run-{recipe.seed}.pt"
        made_by = dict(vars(recipe), rows=len(bank))
        kept = torch.load(path, weights_only=True) if path.exists() else None
        if kept and kept["recipe"] == made_by:
            trainer.averaged.load_state_dict(kept["state"])
        else:
            print(f"run {number + 1} of {args.runs}, seed {recipe.seed}", flush=True)
            trainer.run()
            torch.save(dict(recipe=made_by, state=trainer.averaged.state_dict()), path)
        runs.append(trainer.averaged.eval())
        print("held out:", json.dumps(trainer.held_out()), flush=True)
    student = average(runs)
    print("mean of the runs, held out:", json.dumps(trainer.held_out(student)), flush=True)
    return student.eval()


@torch.no_grad()
def assemble(student, kit, bank, text_bank):
    """All tensors of the file, in full precision."""
    features, mids = bank[bank.whole(range(len(kit)))]
    centre = hub.choose(student, features, mids, text_bank)
    images = F.normalize(student.head(features, mids) - centre, dim=1)
    captions = student.adapter(text_bank.caption_vectors[: len(text_bank.captions)])
    priors = {"prior.image_mean": images.mean(0), "prior.text_mean": captions.mean(0)}
    return {**packages.backbone(), **packages.minilm(), **student.tensors(), "image.centre": centre, **priors}


def better(new, old):
    """Whether it is better on average, and no figure is worse by more than noise."""
    gains = {n: (old[n] - v if "wrong" in n else v - old[n]) for n, v in new.items() if not n.startswith(DESCRIPTIVE)}
    worse = {n: g for n, g in gains.items() if g < -(SMALL_NOISE if any(s in n for s in SMALL) else NOISE)}
    mean = sum(gains.values()) / len(gains)
    print(f"mean difference {mean:+.4f}; below the old one by more than noise: {worse or 'none'}")
    return mean > 0 and not worse


def ship(args, folder):
    """Evaluate, compare with the shipped model, and replace it if the new one is better."""
    photos = evaluate.Photos(args.data)
    columns = {"new": evaluate.measure(folder, photos)}
    out = Path(args.out) if args.out else None
    if out and (out / SHIPPED[0]).exists():
        columns = {"shipped": evaluate.measure(out, photos), **columns}
    print(evaluate.table(columns), flush=True)
    (Path(args.work) / "figures.json").write_text(json.dumps(columns, indent=1))
    if out and ("shipped" not in columns or better(columns["new"], columns["shipped"])):
        out.mkdir(parents=True, exist_ok=True)
        for name in SHIPPED:
            shutil.copyfile(folder / name, out / name)
        print(f"{out} now contains the new model; update its reference outputs and its revision in the program")


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    work = Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    kit = data.Kit(args.training)
    features.cache(kit, work / "features", range(args.views))
    bank = FeatureBank(kit, work / "features", range(args.views))
    text_bank = texts.build(kit, args.data, args.wordnet, args.words, work / "texts.pt")
    student = trained(args, kit, bank, text_bank)
    config = export.configuration(args.hidden, args.adapter_hidden, student.scales().tolist())
    digest = export.write(work / "model", assemble(student, kit, bank, text_bank), config)
    export.write_reference(work / "model", args.data)
    print(f"model.safetensors: sha256 {digest}", flush=True)
    ship(args, work / "model")


if __name__ == "__main__":
    sys.exit(main())
