#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes lib/image/colormap_table.c.

usage: scripts/make-colormaps.py | clang-format > lib/image/colormap_table.c

Needs matplotlib, which carries the published numbers of turbo, viridis and inferno.
Jet and grey are formulas.
"""
import numpy as np
from matplotlib import colormaps

HEAD = """/* SPDX-License-Identifier: MIT AND Apache-2.0 AND CC0-1.0 */
/* Made by scripts/make-colormaps.py: red, green, blue of 256 steps from low to high.
 *
 * jet      each channel is min(max(1.5 - |4 v - c|, 0), 1) with c = 3, 2, 1
 * turbo    Copyright 2019 Google LLC (A. Mikhailov), Apache-2.0: lib/share/LICENSE.Apache-2.0;
 *          rounded to bytes from the numbers published
 * viridis, inferno
 *          numbers published by S. van der Walt, N. Smith and E. Firing (2015) under CC0-1.0 */
#include "image/colormap.h"

const uint8_t avl_colormap_table[AVL_COLORMAPS][256][3] = {"""


def jet():
    steps = np.arange(256)[:, None]
    return np.clip(383 - np.abs(4 * steps - 255 * np.array([3, 2, 1])), 0, 255)  # 382.5 is up


def published(name):
    return np.floor(colormaps[name](np.arange(256))[:, :3] * 255 + 0.5).astype(int)


def main():
    grey = np.repeat(np.arange(256)[:, None], 3, axis=1)
    maps = {"JET": jet(), "GREY": grey}
    for name in ("turbo", "viridis", "inferno"):
        maps[name.upper()] = published(name)
    print(HEAD)
    for name in ("JET", "TURBO", "VIRIDIS", "INFERNO", "GREY"):
        print(f"\t[AVL_COLORMAP_{name}] =\n\t\t{{")
        rows = ["{%d, %d, %d}," % tuple(rgb) for rgb in maps[name]]
        for i in range(0, 256, 4):
            print("\t\t\t" + " ".join(rows[i : i + 4]))
        print("\t\t},")
    print("};")


if __name__ == "__main__":
    main()
