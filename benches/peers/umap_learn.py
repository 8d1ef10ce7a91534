"""Lays the vectors of a .npy file out by umap-learn, on all cores, once per seed, and prints the seconds each took, by
the clock and of all processors together. Positions are written to OUTPUT.0.npy, OUTPUT.1.npy ...

Called by `cargo bench -p vicinity-layout --bench project -- --peer PYTHON`; needs `pip install umap-learn`. A small run comes first, so
that neither importing nor compiling (numba) is counted.
"""

import sys
import time

import numpy as np
import umap


def layout(vectors: np.ndarray) -> np.ndarray:
    return umap.UMAP(n_neighbors=15, min_dist=0.1, metric="cosine").fit_transform(vectors)


def main() -> None:
    source, target, seeds = sys.argv[1:]
    vectors = np.load(source)
    layout(np.random.default_rng(0).normal(size=(4200, 16)).astype(np.float32))
    for seed in range(int(seeds)):
        np.random.seed(seed)  # `random_state` would restrict it to one core
        start, used = time.perf_counter(), time.process_time()
        positions = layout(vectors)
        print(time.perf_counter() - start, time.process_time() - used, flush=True)
        np.save(f"{target}.{seed}.npy", np.ascontiguousarray(positions, dtype=np.float32))


if __name__ == "__main__":
    main()
