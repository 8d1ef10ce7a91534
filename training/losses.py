"""The parts of the training objective. All vectors are unit length; `scale` is an inverse temperature."""

import torch
import torch.nn.functional as F

CONFIDENT = 0.2  # the classifier's best probability above which hypernyms are taught
ABSENT = 0.02  # mass below which a hypernym does not apply


def contrastive(texts, images, scale, same, soft=None, share=0.0):
    """Symmetric InfoNCE with several positives; `share` of the target may follow the similarity of the captions."""
    scores = texts @ images.T * scale
    target = same / same.sum(1, keepdim=True)
    if share:
        target = (1 - share) * target + share * soft
    back = target.T / target.T.sum(1, keepdim=True)
    forth = -(F.log_softmax(scores, 1) * target).sum(1).mean()
    return (forth - (F.log_softmax(scores.T, 1) * back).sum(1).mean()) / 2


def distillation(images, names, scale, teacher):
    """The softmax over the class names follows the backbone's own."""
    return F.kl_div(F.log_softmax(images @ names.T * scale, 1), teacher, reduction="batchmean")


def membership(images, words, distractors, scale, mass, confident):
    """Words get their share of the class probability, in competition with distractor words."""
    scores = torch.cat([images @ words.T, images @ distractors.T], 1) * scale
    chosen = F.log_softmax(scores, 1)[:, : len(words)]
    return -(chosen * mass)[confident].sum(1).mean()


def restraint(images, words, distractors, absent):
    """A word that does not apply must not beat the mean distractor: keeps *animal* from being near everything."""
    floor = (images @ distractors.T).mean(1, keepdim=True).detach()
    return (F.relu(images @ words.T - floor) ** 2)[absent].mean()


def retention(adapted, raw, pairs=256, scale=20.0):
    """The adapter stays close to MiniLM: vector by vector, and in how texts rank each other. Two losses."""
    near = 1 - (adapted * raw).sum(1).mean()
    before, after = (F.log_softmax(x[:pairs] @ x[:pairs].T * scale, 1) for x in (raw, adapted))
    return near, F.kl_div(after, before, log_target=True, reduction="batchmean")


def confident_mass(teacher, covers, partition):
    """From class probabilities: shares of the hypernyms (summing to one), of the broad words, and which samples are confident."""
    broader = teacher @ covers
    share = broader / (broader.sum(1, keepdim=True) + 1e-6)
    return broader, share, teacher @ partition, teacher.max(1).values > CONFIDENT


def absent_words(broader, broad, confident):
    """Where a word certainly does not apply; columns as in `torch.cat([broad, broader])`."""
    return (torch.cat([broad, broader], 1) < ABSENT) & confident[:, None]
