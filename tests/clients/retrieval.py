"""A user's own search, once with each client: index ten texts, query, take the three nearest. Nothing here is specific to Vicinity."""

import nomic
import numpy as np
from google import genai
from google.genai import types
from nomic import embed
from openai import OpenAI

TEXTS = [
    "golf is played with a small white ball",
    "knead the dough, let it rest, and bake the bread",
    "the rocket lifts off towards the space station",
    "a dog runs over the meadow and barks",
    "the orchestra plays a symphony by Brahms",
    "interest rates rise and the bank lends less",
    "the surgeon sews the wound with fine stitches",
    "snow covers the mountains in winter",
    "the lawyer reads the contract before the court",
    "tomatoes need sun and a lot of water",
]
QUESTION = "which sport is about hitting a ball into a hole?"


def by_nomic(texts, query):
    task = "search_query" if query else "search_document"
    return embed.text(texts, model="nomic-embed-text-v1.5", task_type=task)["embeddings"]


def by_openai(texts, query):
    return [row.embedding for row in OpenAI().embeddings.create(model="text-embedding-3-small", input=texts).data]


def by_gemini(texts, query):
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY" if query else "RETRIEVAL_DOCUMENT")
    client = genai.Client()  # a client without a reference is closed
    answer = client.models.embed_content(model="gemini-embedding-001", contents=texts, config=config)
    return [embedding.values for embedding in answer.embeddings]


nomic.login("nk-any")
for name, vectors in [("nomic", by_nomic), ("openai", by_openai), ("gemini", by_gemini)]:
    index = np.array(vectors(TEXTS, False))
    index /= np.linalg.norm(index, axis=1, keepdims=True)
    scores = index @ np.array(vectors([QUESTION], True)[0])
    for rank, at in enumerate(np.argsort(-scores)[:3]):
        print(f"{name if rank == 0 else ' ' * len(name)}: {TEXTS[at]}  {scores[at]:.3f}")
