#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/train.txt: what PyTorch, in double precision, says of every loss, of the
attention, of the optimisers and schedules. Needs NumPy and PyTorch.

The inputs are made by the generator of lib/base/rng.c, so the file holds results alone: for a loss
NAME its values "NAME" (n) and gradients "NAME.score", "NAME.picture", "NAME.sound".
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True

import numpy as np
import torch
import torch.nn.functional as F

import goldenfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
N, AREA, D, C = 5, 12, 7, 9
MASK = (1 << 64) - 1
TEMPERATURE = 0.7
NEGATIVE = [2, 0, 4, 1, 3]


class Rng:
    """PCG32, as lib/base/rng.c has it."""

    def __init__(self, seed, stream):
        self.state, self.stream = 0, (stream << 1 | 1) & MASK
        self.u32()
        self.state = (self.state + seed) & MASK
        self.u32()

    def u32(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.stream) & MASK
        shifted, rotate = ((old >> 18 ^ old) >> 27) & 0xFFFFFFFF, old >> 59
        return (shifted >> rotate | shifted << (-rotate & 31)) & 0xFFFFFFFF

    def floats(self, low, high, *shape):
        """Uniform, each computed in float as the tests do."""
        low, width = np.float32(low), np.float32(high) - np.float32(low)
        unit = [np.float32(self.u32() >> 8) * np.float32(2.0**-24) for _ in range(np.prod(shape))]
        values = np.array([low + width * u for u in unit], np.float32).reshape(shape)
        return torch.tensor(values.astype(np.float64), requires_grad=True)


def both_ways(logits):
    """Cross entropy of rows and columns, each with the diagonal right; one number a record."""
    right = torch.arange(len(logits))
    return (F.cross_entropy(logits, right, reduction="none")
            + F.cross_entropy(logits.T, right, reduction="none"))


def triplet(picture, sound):
    other = sound[NEGATIVE]
    near, far = F.pairwise_distance(picture, sound), F.pairwise_distance(picture, other)
    p = torch.softmax(torch.stack([near, far], 1), 1)
    wanted = torch.tensor([0.0, 1.0], dtype=torch.float64)
    return ((p - wanted) ** 2).mean(1)


def hinge(picture, sound, margin=0.5):
    picture, sound = F.normalize(picture), F.normalize(sound)
    near = (picture - sound).norm(dim=1)
    far = (picture - sound[NEGATIVE]).norm(dim=1)
    return F.relu(near - far + margin)


def nce(score, margin=0.0, tau=0.03):
    logits = score.amax(2) - margin * torch.eye(N, dtype=torch.float64)
    return both_ways(logits / tau)


def attended_nce(score, tau=0.1):
    return both_ways((torch.softmax(score / TEMPERATURE, 2) * score).sum(2) / tau)


def lvs(score):
    """After the official code: A is each picture with its own sound, A0 with all."""
    own = score[torch.arange(N), torch.arange(N)]
    positive = torch.sigmoid((own - 0.65) / 0.03)
    negative = 1 - torch.sigmoid((own - 0.4) / 0.03)
    everywhere = torch.sigmoid((score - 0.65) / 0.03)
    mask = 1 - 100 * torch.eye(N, dtype=torch.float64)
    sim1 = (positive * own).sum(1, keepdim=True) / positive.sum(1, keepdim=True)
    sim = (everywhere * score).sum(2) / everywhere.sum(2) * mask
    sim2 = (negative * own).sum(1, keepdim=True) / negative.sum(1, keepdim=True)
    logits = torch.cat((sim1, sim, sim2), 1) / 0.07
    return F.cross_entropy(logits, torch.zeros(N, dtype=torch.long), reduction="none")


def slavc(score, tau=0.03):
    over = torch.softmax(score / tau, 2)
    right = torch.arange(N)
    i2a = (torch.softmax(score / tau, 1) * over).sum(2).log()
    a2i = (torch.softmax(score / tau, 0) * over).sum(2).log().T
    return (F.cross_entropy(i2a, right, reduction="none")
            + F.cross_entropy(a2i, right, reduction="none"))


def map_losses(lines):
    rng = Rng(1, 1)
    score, truth = rng.floats(-2, 2, N, AREA), rng.floats(0, 1, N, AREA).detach()
    truth = torch.where(truth < 0.5, 0, truth)
    truth[1] = 0  # the record without truth
    p = truth / truth.sum(1, keepdim=True).clamp_min(1e-30)
    p = p.to(torch.float32).to(torch.float64)
    log_alpha = torch.log_softmax(score / TEMPERATURE, 1)
    has = (truth.sum(1) > 0).to(torch.float64)
    values = {
        "ce": -(truth * log_alpha).sum(1),
        "kl": (torch.xlogy(p, p) - p * log_alpha).sum(1) * has,
        "l2": ((log_alpha.exp() - p) ** 2).sum(1) * has,
    }
    for name, value in values.items():
        (grad,) = torch.autograd.grad(value.sum(), score, retain_graph=True)
        lines += [(name, value.detach()), (name + ".score", grad)]


def embedding_losses(lines):
    for name, loss in (("triplet", triplet), ("hinge", hinge)):
        rng = Rng(2, 1)
        picture, sound = rng.floats(-1, 1, N, D), rng.floats(-1, 1, N, D)
        value = loss(picture, sound)
        grads = torch.autograd.grad(value.sum(), (picture, sound))
        lines += [(name, value.detach()), (name + ".picture", grads[0]), (name + ".sound", grads[1])]


def pair_losses(lines):
    for name, loss in (("nce", nce), ("margin-nce", lambda s: nce(s, -0.2)), ("lvs", lvs),
                       ("slavc", slavc), ("attended-nce", attended_nce)):
        score = Rng(3, 1).floats(-0.2, 0.9, N, N, AREA)
        value = loss(score)
        (grad,) = torch.autograd.grad(value.sum(), score)
        lines += [(name, value.detach()), (name + ".score", grad)]


def attention(lines):
    """alpha = softmax(score / T), z = sum of alpha_i v_i, and the gradients of w . z."""
    for kind in ("dot", "relu", "cosine"):
        rng = Rng(4, 1)
        v, h, w = rng.floats(-1, 1, C, AREA), rng.floats(-1, 1, C), rng.floats(-1, 1, C).detach()
        score = h @ v
        if kind == "relu":
            score = F.relu(score)
        if kind == "cosine":
            score = F.normalize(h, dim=0) @ F.normalize(v, dim=0)
        z = v @ torch.softmax(score / TEMPERATURE, 0)
        grads = torch.autograd.grad(z @ w, (v, h))
        lines += [(f"attend.{kind}.score", score.detach()), (f"attend.{kind}.z", z.detach()),
                  (f"attend.{kind}.v", grads[0]), (f"attend.{kind}.h", grads[1])]


def optimisers(lines):
    """Five steps on sum of (w - goal)^4 / 4."""
    for name, make in (
        ("adam", lambda p: torch.optim.Adam(p, 0.05, weight_decay=0.1)),
        ("adamw", lambda p: torch.optim.AdamW(p, 0.05, weight_decay=0.1)),
        ("sgd", lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.1)),
    ):
        rng = Rng(5, 1)
        weight, goal = rng.floats(-1, 1, D), rng.floats(-1, 1, D).detach()
        optimiser = make([weight])
        for _ in range(5):
            optimiser.zero_grad()
            ((weight - goal) ** 4 / 4).sum().backward()
            optimiser.step()
        lines.append(("optim." + name, weight.detach().clone()))


def main():
    parser = argparse.ArgumentParser(description="Make the goldens of training.")
    parser.add_argument("-o", dest="output", metavar="FILE",
                        default=os.path.join(TOP, "tests", "golden", "train.txt"))
    options = parser.parse_args()
    lines = []
    for part in (map_losses, embedding_losses, pair_losses, attention, optimisers):
        part(lines)
    made = (
        "Made by scripts/golden-train.py with PyTorch, in double precision.\n"
        "tests/train/test_golden.c says which numbers of the generator are the inputs."
    )
    goldenfile.write(options.output, made, [(name, np.asarray(x)) for name, x in lines])


if __name__ == "__main__":
    main()
