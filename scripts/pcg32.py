# SPDX-License-Identifier: MIT
"""The generator of lib/base/rng.h, and the values that lib/net/parameters.c begins with: the same
bits as there."""

import math
import zlib

import numpy as np

MULTIPLIER = 6364136223846793005
CHUNK = 1 << 20
MASK = (1 << 64) - 1


def _steps(increment):
    """What takes a state 0, 1, ... CHUNK steps on: state * factor + addend."""
    factor = np.ones(CHUNK + 1, np.uint64)
    factor[1:] = MULTIPLIER
    factor = np.multiply.accumulate(factor)
    addend = np.zeros(CHUNK + 1, np.uint64)
    np.cumsum(factor[:-1], out=addend[1:])
    return factor, addend * np.uint64(increment)


def u32(seed, stream, count):
    """The first COUNT values of avl_rng_u32 after avl_rng_init(SEED, STREAM)."""
    increment = (stream << 1 | 1) & MASK
    state = ((increment + seed) * MULTIPLIER + increment) & MASK
    factor, addend = _steps(increment)
    out = np.empty(count, np.uint32)
    for at in range(0, count, CHUNK):
        n = min(CHUNK, count - at)
        states = np.uint64(state) * factor + addend
        old = states[:n]
        shifted = ((old >> np.uint64(18) ^ old) >> np.uint64(27)).astype(np.uint32)
        rotate = (old >> np.uint64(59)).astype(np.uint32)
        out[at : at + n] = shifted >> rotate | shifted << (-rotate.astype(np.int32) & 31).astype(
            np.uint32
        )
        state = int(states[n])
    return out


def uniform(seed, stream, count):
    """avl_rng_uniform, in double precision (every value fits single precision)."""
    return (u32(seed, stream, count) >> np.uint32(8)).astype(np.float64) * 2.0**-24


def tensor(name, seed, shape, bound):
    """Uniform within +-BOUND, of the stream that belongs to NAME."""
    count = math.prod(shape)
    values = bound * (2.0 * uniform(seed, zlib.crc32(name.encode()), count) - 1.0)
    return values.astype(np.float32).reshape(shape)
