#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/net_presets.txt: what PyTorch says, in double precision, of each published
method with random weights. Needs NumPy, PyTorch, torchvision, SciPy and Pillow.

The weights come from the generator of lib/base/rng.h, by the name each tensor has in a model file,
so that the tests can make them again.
"""

import argparse
import math
import os
import sys

sys.dont_write_bytecode = True

import numpy as np
import torch

import goldenfile
import layouts
import official
import pcg32

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEED = 7
PICTURE = (251, 333)
# preset, rate, samples: longer and shorter than the window, odd numbers
CASES = (
    ("senocak", 22050, 99001),
    ("lvs", 16000, 80123),
    ("ezvsl", 22050, 99001),
    ("ezvsl", 16000, 20011),
    ("slavc", 16000, 80123),
    ("fnac", 48000, 160001),
    ("sslalign", 16000, 80123),
    ("ssltie", 16000, 80123),
)


def random_value(name, shape, fan_in):
    """The rule of tests/net/material.h: weights as they begin, biases and batch norms random too."""
    part = name.rsplit(".", 1)[1]
    if fan_in and part == "weight":
        return pcg32.tensor(name, SEED, shape, math.sqrt(6 / fan_in))
    centre, reach = {"weight": (1, 0.2), "bias": (0, 0.2), "running_mean": (0, 0.2),
                     "running_var": (1, 0.5)}[part]
    count = math.prod(shape)
    unit = 2.0 * pcg32.uniform(SEED, pcg32.zlib.crc32(name.encode()), count) - 1.0
    return (centre + reach * unit).astype(np.float32).reshape(shape)


def state_of(preset, prefix=""):
    """A checkpoint in the official layout."""
    state = {}
    layout = layouts.make_layouts()[preset]
    for theirs, ours, shape in layout.tensors:
        fan_in = math.prod(shape[1:]) if len(shape) > 1 else 0
        state[prefix + theirs] = torch.from_numpy(random_value(ours, shape, fan_in))
    if preset == "senocak":
        state.update(state_of("soundnet", "soundnet."))
    if preset == "soundnet":
        for name, value in state.items():
            state[name] = value.transpose(2, 3) if value.ndim == 4 else value
    return state


def material(rate, count, channels=1):
    noise = pcg32.u32(SEED, rate, count * channels)
    return official.sound_of(noise, count, channels)


def main():
    parser = argparse.ArgumentParser(description="Make the goldens of the published methods.")
    parser.add_argument("-o", dest="output", metavar="FILE",
                        default=os.path.join(TOP, "tests", "golden", "net_presets.txt"))
    options = parser.parse_args()
    lines = []
    for preset, rate, count in CASES:
        found = official.METHODS[preset](state_of(preset), official.picture_of(*PICTURE),
                                         material(rate, count), rate, torch.float64)
        name = f"{preset}.{rate}.{count}."
        lines += [(name + part, value.numpy()) for part, value in found.items()]
        heat = found["map"]
        print(f"{preset} {rate}: map {float(heat.min()):.6f} to {float(heat.max()):.6f}")
    goldenfile.write(
        options.output,
        "Made by scripts/golden-parity.py with PyTorch, in double precision: each method's picture and\n"
        "sound as its networks see them, v, f_s and the map, named PRESET.RATE.SAMPLES.PART. Picture,\n"
        "sound and weights are made up by rules that tests/net/material.h has too.",
        lines,
    )


if __name__ == "__main__":
    main()
