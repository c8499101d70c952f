# SPDX-License-Identifier: MIT
"""Makes and compares checkpoints for tests/cli/import_torch.sh. Needs NumPy, not PyTorch."""

import io
import json
import os
import pickle
import struct
import sys
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ["TOP"], "scripts"))

import numpy as np

import layouts
import tensorfile
import torchfile


def header(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))


def arrays(path):
    with open(path, "rb") as file:
        data = file.read()
    return {name: value.array() for name, value in torchfile.read(data).items()}


def same(first, second):
    """Two model files hold the same tensors, bit for bit."""
    a, b = arrays(first), arrays(second)
    assert sorted(a) == sorted(b), sorted(set(a) ^ set(b))
    for name, value in a.items():
        assert value.shape == b[name].shape, name
        assert value.tobytes() == b[name].tobytes(), name


def contract(path, preset):
    """A new model's contract is the one that imports get."""
    text = header(path)["__metadata__"]["avl.contract"]
    made = (layouts.make_layouts()[preset].contract if preset in layouts.make_layouts()
            else layouts.new_contract(preset))
    assert text == tensorfile.compact_json(made), (text, made)


def count(path, wrapper, wanted):
    """As many tensors as the official code saves."""
    with open(path, "rb") as file:
        found = torchfile.read(file.read())[wrapper]
    assert len(found) == int(wanted), len(found)


def values(path, arch, seed):
    """A new model's values are those that fill up an imported network."""
    made = layouts.new_values(layouts.arch_tensors(arch), int(seed))
    found = arrays(path)
    assert sorted(made) == sorted(found)
    for name, value in made.items():
        assert value.tobytes() == found[name].tobytes(), name


def legacy(path, tree_of):
    """The same tensors as TREE_OF, a zip file, in the format that preceded it."""
    with zipfile.ZipFile(tree_of) as archive:
        program = archive.read("archive/data.pkl")
        keys = sorted(name.rsplit("/", 1)[1] for name in archive.namelist() if "/data/" in name)
        with open(path, "wb") as file:
            for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
                pickle.dump(value, file, 2)
            # in this format a storage's name has one part more: that it is no view
            file.write(program.replace(b"tQ", b"NtQ"))
            pickle.dump(keys, file, 2)
            for key in keys:
                data = archive.read(f"archive/data/{key}")
                itemsize = 8 if len(data) == 8 else 4
                file.write(struct.pack("<q", len(data) // itemsize) + data)


def edit(path, to, how):
    """A checkpoint spoiled in one way."""
    with open(path, "rb") as file:
        tree = torchfile.read(file.read())
    tensors = {name: value.array() for name, value in tree["model"].items()}
    if how == "missing":
        del tensors["audnet.layer3.1.bn2.running_var"]
    elif how == "unknown":
        tensors["img_proj.scale"] = np.ones(3, np.float32)
    elif how == "shape":
        tensors["aud_proj.weight"] = np.ones((512, 511), np.float32)
    elif how == "nan":
        tensors["img_proj.bias"] = np.full(512, np.nan, np.float32)
    elif how == "foreign":
        tensors = {"encoder.weight": np.ones((3, 3), np.float32)}
    elif how == "none":
        tensors = {"epoch": 3}
    elif how == "module":
        tensors = {"module." + name: value for name, value in tensors.items()}
    torchfile.write(to, {"model": tensors})


class Command:
    """What a hostile file asks for when it is read with pickle."""

    def __reduce__(self):
        return os.system, ("touch owned",)


def hostile(kind, path):
    program = pickle.dumps({"model": {"a": Command()}, "b": Command()}, 2)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", program)
            archive.writestr("archive/version", "3\n")
        return
    with open(path, "wb") as file:
        if kind == "legacy":
            for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
                pickle.dump(value, file, 2)
        file.write(program)
        pickle.dump([], file, 2)


def beyond(path):
    """A tensor that reaches beyond its storage: 8192 elements of 512."""
    stream = io.BytesIO()
    torchfile.write(stream, {"model": {"img_proj.bias": np.ones(512, np.float32)}})
    with zipfile.ZipFile(stream) as archive, zipfile.ZipFile(path, "w") as to:
        for name in archive.namelist():
            data = archive.read(name)
            to.writestr(name, data.replace(b"(J\x00\x02\x00\x00t", b"(J\x00\x20\x00\x00t"))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
