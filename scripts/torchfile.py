# SPDX-License-Identifier: MIT
"""Reads and writes PyTorch files with the standard library and NumPy.

A PyTorch file is a pickle, which is a program. Here it is run by an unpickler that knows ordered
dicts, tensors and numbers; any other thing it asks for becomes an Opaque, which holds nothing and
does nothing, so no code of the file's choosing is ever called.
"""

import io
import json
import math
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np

STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bf16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "<u1",
}
SAFETENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bf16", "I64": "<i8",
               "I32": "<i4", "I16": "<i2", "I8": "<i1", "U8": "<u1", "BOOL": "<u1"}
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001


class Opaque:
    """Anything that is neither a container, a number nor a tensor."""

    def __new__(cls, *_args, **_kwargs):
        return object.__new__(cls)

    def __init__(self, *_args, **_kwargs):
        pass

    def __call__(self, *_args, **_kwargs):
        return Opaque()

    def __setstate__(self, _state):
        pass

    def __setitem__(self, _key, _value):
        pass

    def append(self, _value):
        pass

    def extend(self, _values):
        pass

    def add(self, _value):
        pass

    def __hash__(self):
        return id(self)


class Storage:
    """A run of numbers that tensors are views of."""

    def __init__(self, key, dtype, count):
        self.key, self.dtype, self.count = key, dtype, count
        self.bytes = None

    def itemsize(self):
        return 2 if self.dtype == "bf16" else np.dtype(self.dtype).itemsize


class Tensor:
    """A view of a storage, not read yet."""

    def __init__(self, storage, offset, size, stride):
        self.storage, self.offset = storage, offset
        self.shape, self.stride = tuple(size), tuple(stride)

    def array(self):
        """What it holds; bfloat16 becomes float32."""
        storage = self.storage
        if not all(isinstance(n, int) and n >= 0 for n in (self.offset, *self.shape, *self.stride)):
            raise ValueError("a tensor has a negative size")
        if len(self.shape) != len(self.stride):
            raise ValueError("a tensor has sizes and strides of different number")
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride))
        if storage.bytes is None or len(storage.bytes) != storage.count * storage.itemsize():
            raise ValueError(f"the storage '{storage.key}' is not all there")
        if math.prod(self.shape) == 0:
            return np.zeros(self.shape, np.float32)
        if last >= storage.count:
            raise ValueError("a tensor reaches beyond its storage")
        if storage.dtype == "bf16":
            flat = (np.frombuffer(storage.bytes, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            flat = np.frombuffer(storage.bytes, storage.dtype)
        strides = [s * flat.itemsize for s in self.stride]
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, strides)
        return np.ascontiguousarray(view).reshape(self.shape)


def _rebuild_tensor(storage, offset, size, stride, *_rest):
    if not isinstance(storage, Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return Tensor(storage, offset, size, stride)


def _rebuild_parameter(data, *_rest):
    return data


class _Unpickler(pickle.Unpickler):
    KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    }

    def __init__(self, stream):
        super().__init__(stream, encoding="utf-8")
        self.storages = {}

    def find_class(self, module, name):
        if module in ("torch", "torch.cuda") and name in STORAGES:
            return STORAGES[name]
        return self.KNOWN.get((module, name), Opaque)

    def persistent_load(self, pid):
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise pickle.UnpicklingError("the file refers to something that is no storage")
        _, dtype, key, _device, count = pid[:5]
        if not isinstance(dtype, str) or (len(pid) > 5 and pid[5] is not None):
            raise pickle.UnpicklingError("a storage of a type that is not known here")
        if not isinstance(count, int) or count < 0:
            raise pickle.UnpicklingError("a storage of a size that makes no sense")
        return self.storages.setdefault(str(key), Storage(str(key), dtype, count))


def _load(unpickler, stream):
    """One pickle; whatever goes wrong in it is the file's fault."""
    try:
        return unpickler.load()
    except (pickle.UnpicklingError, ValueError):
        raise
    except Exception as error:  # pylint: disable=broad-except
        raise ValueError(f"the pickle is damaged: {error}") from error


def _read_zip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > len(data):
            raise ValueError("a zip archive, but not PyTorch's: it is compressed")
        names = {name.split("/", 1)[-1]: name for name in archive.namelist()}
        if "data.pkl" not in names:
            raise ValueError("a zip archive, but not PyTorch's: it has no data.pkl")
        order = archive.read(names["byteorder"]) if "byteorder" in names else b"little"
        if order.strip() != b"little":
            raise ValueError("written on a big-endian machine")
        stream = io.BytesIO(archive.read(names["data.pkl"]))
        unpickler = _Unpickler(stream)
        root = _load(unpickler, stream)
        for key, storage in unpickler.storages.items():
            member = names.get(f"data/{key}")
            if member is None:
                raise ValueError(f"the storage '{key}' is missing")
            storage.bytes = archive.read(member)[: storage.count * storage.itemsize()]
    return root


def _read_legacy(data):
    stream = io.BytesIO(data)
    if _load(_Unpickler(stream), stream) != LEGACY_MAGIC:
        raise ValueError("not a PyTorch file")
    if _load(_Unpickler(stream), stream) != PROTOCOL_VERSION:
        raise ValueError("a PyTorch file of an unknown version")
    _load(_Unpickler(stream), stream)
    unpickler = _Unpickler(stream)
    root = _load(unpickler, stream)
    for key in _load(_Unpickler(stream), stream):
        storage = unpickler.storages.get(str(key))
        head = stream.read(8)
        if len(head) != 8 or storage is None or struct.unpack("<q", head)[0] != storage.count:
            raise ValueError("the storages do not match the tensors, or the file is cut off")
        storage.bytes = stream.read(storage.count * storage.itemsize())
    return root


def _read_safetensors(data):
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    block = memoryview(data)[8 + length :]
    tensors = OrderedDict()
    for name, row in header.items():
        if name == "__metadata__":
            continue
        begin, end = row["data_offsets"]
        shape = row["shape"]
        storage = Storage(name, SAFETENSORS[row["dtype"]], math.prod(shape))
        storage.bytes = bytes(block[begin:end])
        stride = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
        tensors[name] = Tensor(storage, 0, shape, stride)
    return tensors


def read(data):
    """The tree of dicts that DATA, the bytes of a file, holds, with Tensors in it."""
    try:
        if data[:4] == b"PK\x03\x04":
            return _read_zip(data)
        if data[:1] == b"\x80":
            return _read_legacy(data)
        if len(data) > 9 and data[8:9] == b"{":
            return _read_safetensors(data)
    except (pickle.UnpicklingError, zipfile.BadZipFile, struct.error, KeyError, EOFError,
            TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"damaged: {error}") from error
    raise ValueError("neither a PyTorch file nor safetensors")


# --- writing ---------------------------------------------------------------------------------------


class _Pickle:
    """The few words of the pickle language (protocol 2) that a tree of tensors needs."""

    TYPES = {np.dtype("<f4"): b"FloatStorage", np.dtype("<f8"): b"DoubleStorage",
             np.dtype("<f2"): b"HalfStorage", np.dtype("<i8"): b"LongStorage"}

    def __init__(self):
        self.out = io.BytesIO()
        self.arrays = []
        self.out.write(b"\x80\x02")

    def text(self, value):
        raw = value.encode()
        self.out.write(b"X" + struct.pack("<I", len(raw)) + raw)

    def number(self, value):
        if isinstance(value, float):
            self.out.write(b"G" + struct.pack(">d", value))
        elif -(2**31) <= value < 2**31:
            self.out.write(b"J" + struct.pack("<i", value))
        else:
            self.out.write(b"\x8a\x08" + struct.pack("<q", value))

    def numbers(self, values):
        self.out.write(b"(")
        for value in values:
            self.number(int(value))
        self.out.write(b"t")

    def tensor(self, array):
        key = str(len(self.arrays))
        self.arrays.append(array)
        self.out.write(b"ctorch._utils\n_rebuild_tensor_v2\n((")
        self.text("storage")
        self.out.write(b"ctorch\n" + self.TYPES[array.dtype] + b"\n")
        self.text(key)
        self.text("cpu")
        self.number(array.size)
        self.out.write(b"tQ")
        self.number(0)
        self.numbers(array.shape)
        self.numbers(np.cumprod((1, *array.shape[:0:-1]))[::-1] if array.ndim else ())
        self.out.write(b"\x89ccollections\nOrderedDict\n)RtR")

    def tree(self, value):
        if isinstance(value, np.ndarray):
            self.tensor(value)
        elif isinstance(value, dict):
            self.out.write(b"ccollections\nOrderedDict\n)R(")
            for name, member in value.items():
                self.text(name)
                self.tree(member)
            self.out.write(b"u")
        elif isinstance(value, str):
            self.text(value)
        else:
            self.number(value)

    def bytes(self, value):
        self.tree(value)
        return self.out.getvalue() + b"."


def write(path, tree):
    """Writes TREE, dicts of arrays and numbers, as torch.load reads it. Always the same bytes."""
    program = _Pickle()
    members = {"data.pkl": program.bytes(tree), "byteorder": b"little"}
    for key, array in enumerate(program.arrays):
        members[f"data/{key}"] = np.ascontiguousarray(array).tobytes()
    members["version"] = b"3\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo("archive/" + name, (1980, 1, 1, 0, 0, 0))
            archive.writestr(info, data)
