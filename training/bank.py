"""Cached features in memory: every view of every image, drawn at random."""

import numpy as np
import torch

import features


class FeatureBank:
    """Rows of features, and the image that each belongs to."""

    def __init__(self, kit, folder, views):
        pools = []
        self.where = np.full((len(kit), len(views)), -1)
        start = 0
        for v, view in enumerate(views):
            pictures = np.sort(np.array(features.members(kit, view)[: features.done(folder, view)], dtype=int))
            if len(pictures):
                stored = features.arrays(folder, view, len(kit))
                pools.append([torch.from_numpy(stored[n][pictures]) for n in ("features", "mids")])
            self.where[pictures, v] = np.arange(start, start + len(pictures))
            start += len(pictures)
        self.features, self.mids = (torch.cat(side) for side in zip(*pools))
        self.first = self.where[:, 0].copy()
        assert (self.first >= 0).all(), "view 0 must be complete"
        self.count = (self.where >= 0).sum(1)
        self.where = -np.sort(-self.where, axis=1)  # the views that an image has come first

    def __len__(self):
        return len(self.features)

    def draw(self, pictures, rng):
        """A random view of each image, as row numbers."""
        pictures = np.asarray(pictures)
        return self.where[pictures, rng.integers(0, self.count[pictures])]

    def whole(self, pictures):
        """View 0, as row numbers."""
        return self.first[np.asarray(pictures)]

    def __getitem__(self, rows):
        rows = torch.as_tensor(rows)
        return self.features[rows].float(), self.mids[rows].float()
