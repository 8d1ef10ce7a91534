"""The texts nearest to an image, with Nomic's client: one space for both. Argument: an image."""

import sys

import nomic
import numpy as np
from nomic import embed

LABELS = ["golf balls", "a lighthouse", "a red car", "bread", "penguins", "a piano", "the moon", "strawberries"]


def get_nearest_texts(image, texts, k=3):
    """The k texts with the largest cosine to the image: (text, cosine)."""
    picture = np.array(embed.image([image], model="nomic-embed-vision-v1.5")["embeddings"][0])
    vectors = np.array(embed.text(texts, model="nomic-embed-text-v1.5", task_type="search_query")["embeddings"])
    cosines = vectors @ picture / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(picture))
    return [(texts[at], float(cosines[at])) for at in np.argsort(-cosines)[:k]]


nomic.login("nk-any")
for text, cosine in get_nearest_texts(sys.argv[1], LABELS):
    print(f"{cosine:.3f}  {text}")
