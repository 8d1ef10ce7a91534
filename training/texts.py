"""The texts for training: captions, class names, hypernyms from WordNet, and distractor words.

Vectors come from MiniLM with the shipped (quantised) weights and are cached in the work folder.
WordNet 3.0 and the word list are Debian's packages `wordnet-base` and `wamerican`.
"""

import csv
import random
from dataclasses import dataclass
from pathlib import Path

import torch

import packages
import quantise
import towers

TEMPLATES = [
    "{}", "a photo of a {}", "a picture of a {}", "a close-up photo of a {}",
    "there is a {} in the picture", "a {}", "the {}", "a photo of {}",
]
SCENE_TEMPLATES = ["{}", "a photo of a {}", "a {}", "the {}", "a black and white photo of a {}"]
SCENES = {
    "coast": "coast", "forest": "forest", "highway": "highway", "insidecity": "city street",
    "mountain": "mountain", "office": "office", "opencountry": "open country", "street": "street",
    "suburb": "suburb", "tallbuilding": "tall building", "bedroom": "bedroom", "industrial": "industrial site",
    "kitchen": "kitchen", "livingroom": "living room", "store": "store",
}
# Words of WordNet's upper levels that nobody would search for.
TOO_BROAD = set(
    "entity;physical entity;abstraction;object;whole;matter;causal agent;thing;artifact;unit;psychological feature;"
    "abstract entity;living thing;organism;instrumentality;relation;attribute;equipment;device;structure;chordate;"
    "vertebrate;placental;substance;covering;commodity;consumer goods;conveyance;implement;container;solid;article;"
    "way;part;group".split(";")
)
# Common names, in addition to those of WordNet.
SAID = {
    "animal": ["animals", "wildlife"], "musical instrument": ["music", "music instrument"],
    "vehicle": ["transportation", "transport", "vehicles"], "game equipment": ["sports", "sports gear"],
    "sports equipment": ["sports"], "furniture": ["furnishings"], "food": ["food", "something to eat"],
    "edible fruit": ["fruit", "fruits"], "vegetable": ["vegetable", "vegetables"],
    "building": ["buildings", "architecture"], "clothing": ["clothes"], "bird": ["birds"],
    "dog": ["dogs", "a pet dog"], "place of worship": ["religious building"],
    "geological formation": ["landscape", "nature"], "aircraft": ["flying machine"],
}
# Fourteen disjoint broad words: WordNet groups that make them up (the first that fits wins), and their wordings.
BROAD = [
    (["edible fruit"], ["fruit", "fruits"]),
    (["vegetable"], ["vegetable", "vegetables"]),
    (["animal"], ["animal", "animals", "wildlife"]),
    (["vehicle", "aircraft"], ["vehicle", "transportation", "transport"]),
    (["musical instrument"], ["music", "musical instrument", "music instruments"]),
    (["game equipment", "sports equipment", "ball"], ["sports", "sport", "sports equipment"]),
    (["furniture"], ["furniture", "a piece of furniture", "furnishings"]),
    (["building", "place of worship", "establishment"], ["building", "buildings", "architecture"]),
    (["clothing", "headdress"], ["clothing", "clothes", "fashion"]),
    (["food", "nutriment", "foodstuff"], ["food", "a meal", "something to eat"]),
    (["electronic equipment", "computer"], ["electronics", "electronic device", "technology"]),
    (["tool"], ["tool", "tools", "hand tool"]),
    (["geological formation"], ["nature", "landscape", "scenery"]),
    (["vessel"], ["container", "containers", "a container"]),
]
ANYTHING = ["object", "thing", "an everyday object", "a photo of an object"]
FEWEST = 3  # classes a hypernym must cover
WORDINGS = 6


@dataclass
class TextBank:
    """Text vectors before the adapter, and the classes that each hypernym covers."""

    captions: list
    caption_vectors: torch.Tensor  # [captions, 384]; scene wordings come after the captions
    names: torch.Tensor  # [templates, 1000, 384]
    hypernyms: torch.Tensor  # [words, wordings, 384]
    covers: torch.Tensor  # [1000, words]
    broad: torch.Tensor  # [15, 4, 384]; the last is "anything else"
    partition: torch.Tensor  # [1000, 15], one per row
    distractors: torch.Tensor  # [n, 384]
    sentences: torch.Tensor  # [n, 384], only to preserve MiniLM's knowledge


def parse_wordnet(folder):
    """Noun synsets: offset -> (words, hypernyms, gloss)."""
    nouns = {}
    with open(Path(folder) / "data.noun", encoding="utf-8") as f:
        for line in f:
            if line.startswith("  "):
                continue
            fields, gloss = line.split(" | ", 1)
            fields = fields.split()
            count = int(fields[3], 16)
            words = [w.replace("_", " ") for w in fields[4 : 4 + 2 * count : 2]]
            at = 4 + 2 * count
            pointers = [fields[at + 1 + 4 * i : at + 3 + 4 * i] for i in range(int(fields[at]))]
            broader = [offset for kind, offset in pointers if kind in ("@", "@i")]
            nouns[fields[0]] = words, broader, gloss.strip().split('; "')[0]
    return nouns


def ancestors(nouns, offset, seen=None):
    seen = set() if seen is None else seen
    for broader in nouns[offset][1]:
        if broader not in seen:
            seen.add(broader)
            ancestors(nouns, broader, seen)
    return seen


def broader_words(nouns, wnids):
    """Hypernyms that cover three classes or more: (wordings, classes); same classes, same entry."""
    above = [ancestors(nouns, w[1:]) for w in wnids]
    counts = {}
    for group in above:
        for offset in group:
            counts[offset] = counts.get(offset, 0) + 1
    words, seen = [], {}
    for offset, count in sorted(counts.items(), key=lambda x: (-x[1], x[0])):
        spellings = nouns[offset][0]
        if count < FEWEST or spellings[0] in TOO_BROAD:
            continue
        members = tuple(i for i, group in enumerate(above) if offset in group)
        if members in seen:
            words[seen[members]][0].extend(spellings[:1])
            continue
        seen[members] = len(words)
        words.append((spellings[:2], members))
    for spellings, _ in words:
        for word in list(spellings):
            spellings.extend(SAID.get(word, []))
        spellings[:] = dict.fromkeys(spellings)
    return words


def wordings(spellings):
    """Six phrasings of a hypernym: each spelling alone, then as a photo."""
    forms = (spellings[k // 2 % len(spellings)] for k in range(WORDINGS))
    return [w if k % 2 == 0 else f"a photo of a {w}" for k, w in enumerate(forms)]


def partition(words, classes):
    """Each class to one of the broad words, or to the last column."""
    owner = torch.full((classes,), len(BROAD))
    for column, (groups, _) in enumerate(BROAD):
        for spellings, members in words:
            if any(g in spellings[:2] for g in groups):
                for i in members:
                    if owner[i] == len(BROAD):
                        owner[i] = column
    return torch.nn.functional.one_hot(owner, len(BROAD) + 1).float()


def broad_wordings():
    rows = [(said + said[:1])[:3] + [f"a photo of {said[0]}"] for _, said in BROAD]
    return rows + [ANYTHING]


def vocabulary(nouns, word_list, rng):
    """One- and two-word texts that an image is compared with as 'some word', and words with definitions."""
    single = [w for words, _, _ in nouns.values() for w in words if len(w.split()) <= 2 and len(w) < 20 and w.islower()]
    listed = [w for w in Path(word_list).read_text(encoding="utf-8").split() if w.islower() and "'" not in w]
    plain = rng.sample(sorted(set(single)), 16000) + rng.sample(listed, 6000)
    glosses = rng.sample([f"{words[0]}: {gloss}" for words, _, gloss in nouns.values()], 8000)
    return sorted(set(plain)), glosses


def build(kit, data, wordnet, word_list, cache, seed=0):
    """All texts and their vectors; from the cache if it exists."""
    cache = Path(cache)
    if cache.exists():
        return TextBank(**torch.load(cache, weights_only=True))
    with open(Path(data) / "label_lists" / "imagenet1k.csv", newline="", encoding="utf-8") as f:
        classes = list(csv.DictReader(f))
    nouns = parse_wordnet(wordnet)
    words = broader_words(nouns, [c["wnid"] for c in classes])
    distractors, sentences = vocabulary(nouns, word_list, random.Random(seed))
    captions = list(dict.fromkeys(c for i in range(len(kit)) for c in kit.captions(i)))
    scenes = [t.format(name) for name in SCENES.values() for t in SCENE_TEMPLATES]
    minilm = towers.Texts(quantise.round_trip(packages.minilm()))

    def encode(texts, *shape):
        vectors = minilm.encode(texts, tokens=2048, log=progress)
        return vectors.view(*shape, packages.DIM) if shape else vectors

    bank = dict(
        captions=captions,
        caption_vectors=encode(captions + scenes),
        names=encode([t.format(c["simple_label"]) for t in TEMPLATES for c in classes], len(TEMPLATES), len(classes)),
        hypernyms=encode([w for spellings, _ in words for w in wordings(spellings)], len(words), WORDINGS),
        covers=torch.zeros(len(classes), len(words)),
        broad=encode([w for row in broad_wordings() for w in row], len(BROAD) + 1, 4),
        partition=partition(words, len(classes)),
        distractors=encode(distractors),
        sentences=encode(sentences),
    )
    for column, (_, members) in enumerate(words):
        bank["covers"][list(members), column] = 1
    torch.save(bank, cache)
    return TextBank(**bank)


def progress(done, total, step=[0]):
    step[0] += 1
    if step[0] % 100 == 0 or done == total:
        print(f"texts: {done} of {total}", flush=True)
