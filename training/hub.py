"""Hub correction: how much of the mean image vector to subtract, chosen on training images.

A vector near the middle of all images is near to every text, and a word near the middle of all texts is near to
every image. The largest share that still finds the members of the broad words is taken.
"""

import torch
import torch.nn.functional as F

SHARES = [0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
ROUNDS, RIVALS = 20, 11  # as many rival words as in a list of twelve
MEMBER, STRANGER = 0.6, 0.02  # mass of a broad word from which an image is a member, and below which a stranger
LOSS = 0.02  # share of the members that may be lost


@torch.no_grad()
def choose(student, features, mids, bank, log=print):
    """The vector to subtract."""
    images = student.head(features, mids)
    mean = images.mean(0)
    mass = student.head.classify(features).softmax(1) @ bank.partition[:, :-1]
    words = student.adapter(bank.broad[:-1, 0])
    generator = torch.Generator().manual_seed(0)
    picks = [torch.randint(0, len(bank.distractors), (RIVALS,), generator=generator) for _ in range(ROUNDS)]
    rivals = [student.adapter(bank.distractors[p]) for p in picks]
    best, first = 0.0, None
    for share in SHARES:
        found, balanced = judge(F.normalize(images - share * mean, dim=1), words, rivals, mass)
        log(f"hub correction {share:.1f}: members found {found:.3f}, balanced {balanced:.3f}")
        first = found if first is None else first
        if found >= first - LOSS:
            best = share
    log(f"hub correction: {best:.1f} of the mean picture vector")
    return best * mean


def judge(images, words, rivals, mass):
    """How often a broad word beats eleven random words: for members, and balanced with strangers."""
    found, balanced = [], []
    for texts in rivals:
        floor = (images @ texts.T).max(1).values
        wins = images @ words.T > floor[:, None]
        for column in range(len(words)):
            member, stranger = mass[:, column] > MEMBER, mass[:, column] < STRANGER
            if member.sum() > 15:
                found.append(wins[member, column].float().mean())
                balanced.append((found[-1] + 1 - wins[stranger, column].float().mean()) / 2)
    return torch.stack(found).mean().item(), torch.stack(balanced).mean().item()
