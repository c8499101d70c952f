# SPDX-License-Identifier: MIT
"""Writes and reads safetensors files, the same bytes for the same tensors.

The file is eight bytes of length, a JSON header, and the data block. Blanks pad the header so that
the data block begins at a multiple of 64. There may be no holes between tensors, so they are put in
the order of the largest power of two (up to 64) that divides their size, and among equals in the
order given: every tensor then begins at a multiple of that power.
"""

import json
import struct
import zlib

import numpy as np

DTYPES = {"F16": "<f2", "F32": "<f4", "I16": "<i2"}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
ALIGN = 64


def compact_json(value):
    return json.dumps(value, separators=(",", ":"))


def _alignment(array):
    return min(array.nbytes & -array.nbytes, ALIGN)


def write(path, tensors, metadata):
    """Writes TENSORS (name -> array) with METADATA (name -> text) and the digest of the data."""
    ordered = sorted(tensors.items(), key=lambda item: -_alignment(item[1]))
    block = b"".join(np.ascontiguousarray(array).tobytes() for _, array in ordered)
    header = {"__metadata__": {**metadata, "avl.digest": f"crc32:{zlib.crc32(block):08x}"}}
    at = 0
    for name, array in ordered:
        end = at + array.nbytes
        dtype = NAMES[array.dtype]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [at, end]}
        at = end
    text = compact_json(header).encode("ascii")
    text += b" " * (-(8 + len(text)) % ALIGN)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + block)


def read(path):
    """(name -> array, metadata) of the file; the digest is verified."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    block = data[8 + length :]
    metadata = header.pop("__metadata__")
    if metadata["avl.digest"] != f"crc32:{zlib.crc32(block):08x}":
        raise ValueError(f"{path}: the data block does not match its digest")
    tensors = {}
    for name, row in header.items():
        begin, end = row["data_offsets"]
        array = np.frombuffer(block[begin:end], DTYPES[row["dtype"]])
        tensors[name] = array.reshape(row["shape"])
    return tensors, metadata
