#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/resize.h: what Pillow's Image.resize makes of a generated picture.

usage: scripts/golden-resize.py > tests/golden/resize.h     (needs Pillow 13 and NumPy)

A row holds the CRC-32 of all bytes of the result and its middle pixel. The picture is the formula
of picture(), which tests/image/test_resize.c repeats.
"""
import zlib

import numpy as np
import PIL
from PIL import Image

FILTERS = {
    "BOX": Image.BOX,
    "BILINEAR": Image.BILINEAR,
    "BICUBIC": Image.BICUBIC,
    "LANCZOS": Image.LANCZOS,
}
# in_w, in_h, box (or None), out_w, out_h
CASES = [
    (1, 1, None, 1, 1),
    (1, 1, None, 7, 5),
    (3, 7, None, 1, 1),
    (2, 2, None, 33, 17),
    (17, 5, None, 17, 9),
    (17, 5, None, 4, 5),
    (64, 48, None, 31, 29),
    (101, 67, None, 224, 224),
    (333, 251, None, 224, 224),
    (320, 240, None, 448, 448),
    (500, 375, None, 448, 448),
    (1280, 720, None, 448, 448),
    (641, 7, None, 3, 40),
    (4001, 3, None, 2, 2),
    (120, 90, (10, 5, 100, 80), 45, 30),
    (120, 90, (0.5, 0.25, 119.5, 60.75), 64, 64),
    (97, 53, (20.1, 3.3, 33.7, 50.9), 97, 53),
    # those of which Pillow 13 resizes the columns first, and their neighbours
    (217, 333, None, 224, 224),
    (300, 500, None, 224, 224),
    (250, 276, None, 224, 224),
    (250, 277, None, 224, 224),
    (223, 225, None, 224, 224),
    (300, 600, (0, 0, 300, 250), 224, 224),
    (600, 600, (0, 0, 230, 590), 224, 224),
    (90, 400, (10.5, 20, 80, 390.25), 31, 100),
]


def picture(width, height):
    """Smooth waves with hard edges and noise in them, so that sums overshoot both ends."""
    y, x, c = np.meshgrid(
        np.arange(height), np.arange(width), np.arange(3), indexing="ij"
    )
    noise = (x * 2654435761 + y * 40503 + c * 69069) >> 7
    value = (x * x * (3 + c) + y * y * 5 + x * y * 7) >> 4
    value = np.where(((x >> 3) + (y >> 2) + c) % 3 == 0, noise, value)
    value = np.where(((x >> 4) ^ (y >> 3)) % 4 == 1, ((x + y) % 2) * 255, value)
    return (value & 255).astype(np.uint8)


def main():
    print("/* SPDX-License-Identifier: MIT */")
    print(f"/* Made by scripts/golden-resize.py with Pillow {PIL.__version__}. */")
    print("static const struct golden {")
    print("\tenum avl_filter filter;")
    print("\tint in_w, in_h;")
    print("\tfloat box[4]; /* zeros: the whole picture */")
    print("\tint out_w, out_h;")
    print("\tuint32_t crc32;")
    print("\tuint8_t middle[3];")
    print("} goldens[] = {")
    for name, resample in FILTERS.items():
        for in_w, in_h, box, out_w, out_h in CASES:
            image = Image.fromarray(picture(in_w, in_h))
            out = np.asarray(image.resize((out_w, out_h), resample, box))
            crc = zlib.crc32(out.tobytes())
            r, g, b = out[out_h // 2, out_w // 2]
            edges = ", ".join(f"{v:g}f" if v % 1 else f"{v:g}" for v in box or (0,) * 4)
            print(f"\t{{AVL_FILTER_{name}, {in_w}, {in_h}, {{{edges}}}, {out_w}, {out_h},")
            print(f"\t 0x{crc:08x}, {{{r}, {g}, {b}}}}},")
    print("};")


if __name__ == "__main__":
    main()
