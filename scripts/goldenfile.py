# SPDX-License-Identifier: MIT
"""Writes the files that tests/golden/golden.h reads."""

import numpy as np

VALUES = 256
FORMAT = """\
# Each line is a tensor: NAME NDIM DIM... MEAN STD LARGEST COUNT INDEX:VALUE...
# MEAN, STD and LARGEST (magnitude) are over all elements; COUNT of them follow, by their place in
# C order. tests/golden/golden.h reads this.
"""


def chosen(size):
    """All of a small tensor; else the first, the last, and where multiples of the golden ratio
    fall."""
    if size <= VALUES:
        return range(size)
    ratio = (5**0.5 - 1) / 2
    spread = {int(size * (k * ratio % 1)) for k in range(1, VALUES - 1)}
    return sorted(spread | {0, size - 1})


def line(name, array):
    array = np.asarray(array, np.float64)
    indices = chosen(array.size)
    statistics = array.mean(), array.std(), np.abs(array).max()
    words = [name, str(array.ndim), *map(str, array.shape)]
    words += [f"{value:.9g}" for value in statistics]
    words += [str(len(indices)), *(f"{i}:{array.flat[i]:.9g}" for i in indices)]
    return " ".join(words) + "\n"


def write(path, heading, tensors):
    """HEADING says what made the file; TENSORS is a list of (name, array)."""
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"# {text}\n" for text in heading.splitlines())
        file.write(FORMAT)
        file.writelines(line(name, array) for name, array in tensors)
