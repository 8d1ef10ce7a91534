"""Lays the vectors of a .npy file out by umap-learn, on all cores, and prints the seconds it took, by the clock
and of all processors together.

Called by `cargo bench --bench project -- --peer PYTHON`; needs `pip install umap-learn`. A small run comes first, so
that neither importing nor compiling (numba) is counted.
"""

import sys
import time

import numpy as np
import umap


def layout(vectors: np.ndarray) -> np.ndarray:
    return umap.UMAP(n_neighbors=15, min_dist=0.1, metric="cosine").fit_transform(vectors)


def main() -> None:
    source, target = sys.argv[1:]
    vectors = np.load(source)
    layout(np.random.default_rng(0).normal(size=(4200, 16)).astype(np.float32))
    start, used = time.perf_counter(), time.process_time()
    positions = layout(vectors)
    print(time.perf_counter() - start, time.process_time() - used)
    np.save(target, np.ascontiguousarray(positions, dtype=np.float32))


if __name__ == "__main__":
    main()
