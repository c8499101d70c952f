#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/steps.txt: what PyTorch, in double precision, makes of whole networks in
training: loss, gradient of every parameter, weights after a step of Adam, and the losses of 20
steps. Needs NumPy, PyTorch, torchvision, SciPy and Pillow.

Weights, pictures and sounds are made up by the rules of scripts/golden-parity.py and
tests/net/material.h; tests/train/test_steps.c has the same cases.
"""

import argparse
import copy
import importlib.machinery
import importlib.util
import os
import sys

sys.dont_write_bytecode = True

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import goldenfile
import layouts
import official

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RECORDS, SIDE, RATE = 3, 64, 1e-5
STEPS = 20
TAU, LAMBDA, FOLLOW = 0.03, 0.5, 0.9
# x0 y0 x1 y1 of the records that have truth
BOXES = {0: (0, 0, 0.5, 0.75), 2: (0.25, 0.5, 1, 1)}
LAYOUT = layouts.make_layouts()


def load_script(name):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    loader = importlib.machinery.SourceFileLoader("steps_" + name.replace("-", "_"), path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


golden = load_script("golden-parity.py")


def picture(i):
    """That of record I: columns turned round."""
    return np.roll(official.picture_of(*golden.PICTURE), 53 * i, axis=1)


def sound(i, rate, count):
    return golden.material(rate, count * RECORDS)[i * count : (i + 1) * count]


class Model(torch.nn.Module):
    """Parameters under our names; a network in training mode."""

    def named(self):
        """(our name, parameter); SoundNet's windows lie down."""
        return [(self.ours(name), value) for name, value in self.named_parameters()
                if self.ours(name)]


class Senocak(Model):
    """VGG-16 and SoundNet: the ratio triplet and cross entropy on the map."""

    name, preset, rate, count = "senocak", "senocak", 22050, 220500

    def __init__(self):
        super().__init__()
        state = golden.state_of("senocak")
        features = {name.replace("vision_embedding_model.feature_extraction.", "features."): value
                    for name, value in state.items()}
        self.image = official.loaded(official.Vgg(), {
            name: value for name, value in features.items() if name.startswith("features.")}, "",
            torch.float64)
        self.sound = official.loaded(official.SoundNet(), state, "soundnet.", torch.float64)
        for name, inputs, outputs in (("sound_fc1", 1000, 1000), ("sound_fc2", 1000, 512),
                                      ("image_fc1", 512, 512), ("image_fc2", 512, 1000)):
            theirs = {ours: their for their, ours, _ in LAYOUT["senocak"].tensors}
            layer = torch.nn.Linear(inputs, outputs).double()
            layer.weight.data = state[theirs[name + ".weight"]].double()
            layer.bias.data = state[theirs[name + ".bias"]].double()
            self.add_module(name, layer)

    @staticmethod
    def ours(name):
        return None if "conv8_2" in name else name

    @staticmethod
    def see(i):
        return official.stretched(picture(i), SIDE, Image.BILINEAR)

    def hear(self, i):
        return official.soundnet_sound(sound(i, self.rate, self.count))[:441000]

    def loss(self, x, s):
        """The negative is the nearest of the other sounds."""
        v = self.image(x)
        batch = s.view(len(s), 1, -1, 1)
        for n in range(1, 9):
            batch = getattr(self.sound, f"conv{n}")(batch)
        fs = F.relu(batch.mean(dim=(2, 3)))
        h = self.sound_fc2(F.relu(self.sound_fc1(fs)))
        score = F.relu((F.normalize(v, dim=1) * F.normalize(h, dim=1)[:, :, None, None]).sum(1))
        score = score.flatten(1)
        alpha = torch.softmax(score, 1)
        z = (v.flatten(2) * alpha[:, None]).sum(2)
        fv = self.image_fc2(F.relu(self.image_fc1(z)))
        far = torch.cdist(fv, fs) + 1e9 * torch.eye(len(fv))
        other = fs[far.argmin(1)]
        near, far = F.pairwise_distance(fv, fs), F.pairwise_distance(fv, other)
        p = torch.softmax(torch.stack([near, far], 1), 1)
        unsup = p[:, 0].square().mean()
        rows = int(round(score.shape[1] ** 0.5))
        terms = []
        for i, (x0, y0, x1, y1) in BOXES.items():
            g = torch.zeros(rows, rows, dtype=torch.float64)
            g[int(y0 * rows) : int(y1 * rows), int(x0 * rows) : int(x1 * rows)] = 1
            terms.append(-(g.flatten() * torch.log_softmax(score[i], 0)).sum())
        return unsup + LAMBDA * torch.stack(terms).mean()


class EzVsl(Model):
    """Two ResNet-18 and linear heads: the largest cosines, NCE both ways."""

    name, preset, rate, count = "ezvsl", "ezvsl", 16000, 8000

    def __init__(self):
        super().__init__()
        state = golden.state_of("ezvsl")
        self.image = official.loaded(official.ResNet(3, 2), state, "imgnet.", torch.float64)
        self.sound = official.loaded(official.ResNet(1, 2), state, "audnet.", torch.float64)
        self.image_proj = torch.nn.Conv2d(512, 512, 1).double()
        self.sound_proj = torch.nn.Linear(512, 512).double()
        for layer, name in ((self.image_proj, "img_proj"), (self.sound_proj, "aud_proj")):
            layer.weight.data = state[name + ".weight"].double()
            layer.bias.data = state[name + ".bias"].double()

    @staticmethod
    def ours(name):
        return name

    @staticmethod
    def see(i):
        return official.stretched(picture(i), SIDE, Image.BICUBIC)

    def hear(self, i):
        mono = official.mixed_int16(sound(i, self.rate, self.count))
        return official.log_density(np.clip(mono / 32767, -1, 1), self.rate, 274)

    def loss(self, x, s):
        u = F.normalize(self.image_proj(self.image(x)), dim=1)
        h = F.normalize(self.sound_proj(torch.amax(self.sound(s[:, None]), dim=(2, 3))), dim=1)
        logits = torch.einsum("nchw,mc->nmhw", u, h).flatten(2).amax(2) / TAU
        right = torch.arange(len(x))
        return F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)


class Slavc(Model):
    """SLAVC's two heads, and its networks that follow: parameters alone, their own statistics."""

    name, preset, rate, count = "slavc", "slavc", 16000, 8000
    see, ours, hear = staticmethod(EzVsl.see), staticmethod(EzVsl.ours), EzVsl.hear

    def __init__(self):
        super().__init__()
        state = golden.state_of("slavc")
        theirs = {ours: their for their, ours, _ in LAYOUT["slavc"].tensors}
        prefix = theirs["image.conv1.weight"].removesuffix("imgnet.conv1.weight")
        self.image = official.loaded(official.ResNet(3, 2), state, prefix + "imgnet.",
                                     torch.float64)
        self.sound = official.loaded(official.ResNet(1, 2), state, prefix + "audnet.",
                                     torch.float64)
        for k in "12":
            for name, layer in (("image_proj" + k, torch.nn.Conv2d(512, 512, 1)),
                                ("sound_proj" + k, torch.nn.Linear(512, 512))):
                layer = layer.double()
                layer.weight.data = state[theirs[name + ".weight"]].double()
                layer.bias.data = state[theirs[name + ".bias"]].double()
                self.add_module(name, layer)
        self.follower = [copy.deepcopy(self)]

    def features(self, x, s):
        v, fs = self.image(x), torch.amax(self.sound(s[:, None]), dim=(2, 3))
        return ([F.normalize(proj(v), dim=1) for proj in (self.image_proj1, self.image_proj2)],
                [F.normalize(proj(fs), dim=1) for proj in (self.sound_proj1, self.sound_proj2)])

    @staticmethod
    def direction(u, h):
        maps = [torch.einsum("nchw,mc->nmhw", a, b).flatten(2) / TAU for a, b in zip(u, h)]
        return (torch.softmax(maps[0], 1) * torch.softmax(maps[1], 2)).sum(2).log()

    def loss(self, x, s):
        other = self.follower[0]
        u, h = self.features(x, s)
        with torch.no_grad():
            other.train()
            for old, new in zip(other.parameters(), self.parameters()):
                old.data = old.data * FOLLOW + new.data * (1 - FOLLOW)
            u_target, h_target = other.features(x, s)
        right = torch.arange(len(x))
        return (F.cross_entropy(self.direction(u, h_target), right)
                + F.cross_entropy(self.direction(u_target, h), right))


def batch_of(model):
    x = torch.stack([model.see(i) for i in range(RECORDS)]).double()
    s = torch.stack([model.hear(i) for i in range(RECORDS)]).double()
    return x, s


def make_case(model, steps, lines):
    model.train()
    x, s = batch_of(model)
    optimiser = torch.optim.Adam([value for _, value in model.named()], RATE)
    losses = []
    for step in range(steps):
        optimiser.zero_grad()
        loss = model.loss(x, s)
        loss.backward()
        if step == 0:
            lines += [(f"{model.name}.grad.{name}", value.grad) for name, value in model.named()]
        optimiser.step()
        if step == 0:
            lines += [(f"{model.name}.after.{name}", value.detach().clone())
                      for name, value in model.named()]
            lines += [(f"{model.name}.after.{name}", value.clone())
                      for name, value in model.named_buffers()
                      if "running" in name and "conv8_2" not in name]
        losses.append(loss.item())
        print(f"{model.name}: step {step + 1}: loss {losses[-1]:.6f}", flush=True)
    lines += [(f"{model.name}.loss.{step}", np.array(loss))
              for step, loss in enumerate(losses, 1)]


def main():
    parser = argparse.ArgumentParser(description="Make the goldens of steps of whole networks.")
    parser.add_argument("-o", dest="output", metavar="FILE",
                        default=os.path.join(TOP, "tests", "golden", "steps.txt"))
    options = parser.parse_args()
    lines = []
    make_case(Senocak(), 1, lines)
    make_case(EzVsl(), STEPS, lines)
    make_case(Slavc(), 4, lines)
    goldenfile.VALUES = 6
    goldenfile.write(
        options.output,
        "Made by scripts/golden-steps.py with PyTorch, in double precision: MODEL.loss.STEP,\n"
        "MODEL.grad.NAME of the first, MODEL.after.NAME: parameters and statistics behind it.",
        [(name, value.detach().numpy() if hasattr(value, "detach") else value)
         for name, value in lines],
    )


if __name__ == "__main__":
    main()
