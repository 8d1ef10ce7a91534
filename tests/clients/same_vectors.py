"""The official clients get the vectors that `vicinity embed` prints, and their own kinds of errors.

Arguments: the model for `vicinity embed`, then the names to ask for: Nomic's text and vision model, OpenAI's, Gemini's.
Addresses and keys come from the environment, as the clients read them.
"""

import io
import json
import os
import subprocess
import sys
import tempfile

import nomic
import numpy as np
import openai
from google import genai
from google.genai import errors, types
from nomic import embed
from nomic.embed import resize_pil
from PIL import Image

MODEL, NOMIC_TEXT, NOMIC_VISION, OPENAI, GEMINI = sys.argv[1:]
TEXTS = ["A lighthouse stands on the cliff.", "How do I bake bread without yeast?", "Straße, 東京, 🎈"]
TEXTS += [f"sentence number {n}" for n in range(30)]


def local(*arguments):
    """The vectors of `vicinity embed`."""
    command = [os.environ["VICINITY"], "embed", "--model", MODEL, *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["embeddings"]


def same(what, got, expected):
    """Equal to the last bit of an f32."""
    got, expected = np.float32(got), np.float32(expected)
    assert got.shape == expected.shape, f"{what}: {got.shape} instead of {expected.shape}"
    assert np.array_equal(got, expected), f"{what}: differs by {np.abs(got - expected).max()}"
    print(f"{what:<48} {got.shape[0]:>3} x {got.shape[1]}  same as `vicinity embed`")


def refused(what, kinds, call):
    """The client raises its own error."""
    try:
        call()
    except kinds as error:
        print(f"{what:<48} {type(error).__name__}: {' '.join(str(error).split())[:140]}")
        return str(error)
    raise AssertionError(f"{what} was not refused")


def picture():
    """A red disc on a blue ground, as JPEG."""
    y, x = np.mgrid[0:300, 0:400]
    disc = (x - 200) ** 2 + (y - 150) ** 2 < 100**2
    pixels = np.where(disc[..., None], [200, 30, 30], [40, 60, 180]).astype(np.uint8)
    jpeg = io.BytesIO()
    Image.fromarray(pixels).save(jpeg, format="JPEG")
    return jpeg.getvalue()


def as_nomic_sends_it(path):
    """Nomic's client re-encodes images before it sends them."""
    jpeg = io.BytesIO()
    resize_pil(Image.open(path)).convert("RGB").save(jpeg, format="JPEG")
    return jpeg.getvalue()


documents = local("--text", *TEXTS)
queries = local("--task", "search_query", "--text", *TEXTS)
folder = tempfile.mkdtemp()
original, sent = os.path.join(folder, "disc.jpg"), os.path.join(folder, "sent.jpg")
with open(original, "wb") as file:
    file.write(picture())
with open(sent, "wb") as file:
    file.write(as_nomic_sends_it(original))

nomic.login("nk-any")
answer = embed.text(TEXTS, model=NOMIC_TEXT)
same("nomic embed.text", answer["embeddings"], documents)
assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > len(TEXTS)
same("nomic embed.text(task_type='search_query')", embed.text(TEXTS, model=NOMIC_TEXT, task_type="search_query")["embeddings"], queries)
long = ["all work and no play makes a dull boy " * 200]
for mode in ["truncate", "mean"]:
    got = embed.text(long, model=NOMIC_TEXT, long_text_mode=mode)["embeddings"]
    same(f"nomic embed.text(long_text_mode={mode!r})", got, local("--long-text", mode, "--text", *long))
same("nomic embed.image", embed.image([original, Image.open(original)], model=NOMIC_VISION)["embeddings"], local(sent, sent))
said = refused("nomic embed.image of an address", Exception, lambda: embed.image(["https://example.com/a.png"], model=NOMIC_VISION))
assert "422" in said and "fetched" in said, said
refused("nomic embed.text, another model", Exception, lambda: embed.text(["a"], model="no-such-model"))

client = openai.OpenAI()
same("openai embeddings.create", [row.embedding for row in client.embeddings.create(model=OPENAI, input=TEXTS).data], documents)
rows = client.embeddings.create(model=OPENAI, input=TEXTS[0], encoding_format="float", dimensions=len(documents[0])).data
same("openai embeddings.create(encoding_format='float')", [row.embedding for row in rows], documents[:1])
assert OPENAI in [model.id for model in client.models.list()]
refused("openai, another model", openai.NotFoundError, lambda: client.embeddings.create(model="no-such-model", input="a"))
refused("openai, token ids", openai.BadRequestError, lambda: client.embeddings.create(model=OPENAI, input=[[1, 2, 3]]))
refused("openai, dimensions", openai.BadRequestError, lambda: client.embeddings.create(model=OPENAI, input="a", dimensions=7))

client = genai.Client()


def gemini(contents, **config):
    """The vectors of google-genai."""
    answer = client.models.embed_content(model=GEMINI, contents=contents, config=types.EmbedContentConfig(**config))
    return [embedding.values for embedding in answer.embeddings]


same("google-genai embed_content", gemini(TEXTS), documents)
same("google-genai embed_content(RETRIEVAL_QUERY)", gemini(TEXTS, task_type="RETRIEVAL_QUERY"), queries)
titled = gemini("a lamp", task_type="RETRIEVAL_DOCUMENT", title="The sea", output_dimensionality=len(documents[0]))
same("google-genai embed_content(title=)", titled, local("--text", "The sea\na lamp"))
part = types.Part.from_bytes(data=picture(), mime_type="image/jpeg")
same("google-genai embed_content of a picture", gemini([types.Content(parts=[part])]), local(original))
refused("google-genai, another model", errors.ClientError, lambda: client.models.embed_content(model="no-such-model", contents="a"))
refused("google-genai, output_dimensionality", errors.ClientError, lambda: gemini("a", output_dimensionality=7))
print("all the same")
