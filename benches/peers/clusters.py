"""Compares the clusters of `vicinity clusters` with scikit-learn's HDBSCAN on umap-learn's layout of the same vectors.

    pip install umap-learn scikit-learn
    python clusters.py VICINITY LIBRARY [--labels CSV]

Labels are the folders of the photos, or those of a csv file with the columns `file` and `label` whose files are ends of paths. Printed is
the adjusted Rand index of each level, and of HDBSCAN for the best of several smallest sizes, over three seeds of umap-learn; points that
HDBSCAN leaves out are a cluster of their own. Photos without a label do not count.
"""
import argparse
import csv
import os
import subprocess
import tempfile

import numpy as np
import umap
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score

parser = argparse.ArgumentParser()
parser.add_argument("vicinity")
parser.add_argument("library")
parser.add_argument("--labels")
parser.add_argument("--under", default="", help="only photos whose path contains this are compared")
options = parser.parse_args()

with tempfile.TemporaryDirectory() as folder:
    at = lambda name: os.path.join(folder, name)
    run = lambda *arguments: subprocess.run([options.vicinity, *arguments, "--library", options.library], check=True, stdout=subprocess.DEVNULL)
    run("export", "--vectors", at("v.npy"), "--items", at("i.csv"))
    run("clusters", "--items", at("c.csv"))
    vectors = np.load(at("v.npy"))
    items = list(csv.DictReader(open(at("i.csv"))))
    found = {row["path"]: row for row in csv.DictReader(open(at("c.csv")))}

kinds = np.array([item["modality"] for item in items])
for kind in set(kinds):
    vectors[kinds == kind] -= vectors[kinds == kind].mean(0)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

if options.labels:
    known = {row["file"]: row["label"] for row in csv.DictReader(open(options.labels))}
    ends = lambda path: ("/".join(path.split("/")[-depth:]) for depth in range(1, 6))
    labels = [next((known[end] for end in ends(item["path"]) if end in known), None) for item in items]
else:
    labels = [os.path.dirname(item["path"]) for item in items]
chosen = [row for row, item in enumerate(items) if labels[row] and options.under in item["path"] and not item["row"]]
truth = [labels[row] for row in chosen]
print(f"{len(chosen)} photos, {len(set(truth))} labels")
for level in range(3):
    ours = [found[items[row]["path"]][f"cluster_{level}"] for row in chosen]
    print(f"vicinity, level {level}: {adjusted_rand_score(truth, ours):.4f}, {len(set(ours))} clusters")
scores = {}
for seed in range(3):
    layout = umap.UMAP(metric="cosine", random_state=seed).fit_transform(vectors)
    for size in (5, 10, 20, 40, 60):
        theirs = HDBSCAN(min_cluster_size=size, copy=True).fit_predict(layout)[chosen]
        scores.setdefault(size, []).append(adjusted_rand_score(truth, theirs))
for size, values in scores.items():
    print(f"HDBSCAN on umap-learn, at least {size}: {np.mean(values):.4f}")
