# SPDX-License-Identifier: MIT
"""How published codes name the tensors of their checkpoints, and what the same are called here.

A layout lists its tensors as (their name, our name, shape), and by patterns those that its own code
saves and never uses. The contracts are those of lib/net/preset.c (a test holds them together).
"""

import math
import re
from collections import OrderedDict

import numpy as np

import pcg32

IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}


# --- networks: (name, shape) -----------------------------------------------------------------------


def norm(name, channels):
    return [(f"{name}.{part}", (channels,))
            for part in ("weight", "bias", "running_mean", "running_var")]


def resnet18(planes=3):
    rows = [("conv1.weight", (64, planes, 7, 7))] + norm("bn1", 64)
    inputs = 64
    for layer, channels in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            name = f"layer{layer}.{block}"
            if inputs != channels:
                rows.append((f"{name}.downsample.0.weight", (channels, inputs, 1, 1)))
                rows += norm(f"{name}.downsample.1", channels)
            rows.append((f"{name}.conv1.weight", (channels, inputs, 3, 3)))
            rows += norm(f"{name}.bn1", channels)
            rows.append((f"{name}.conv2.weight", (channels, channels, 3, 3)))
            rows += norm(f"{name}.bn2", channels)
            inputs = channels
    return rows


def vgg16():
    rows, inputs, index = [], 3, 0
    for channels, convs in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convs):
            rows.append((f"features.{index}.weight", (channels, inputs, 3, 3)))
            rows.append((f"features.{index}.bias", (channels,)))
            inputs, index = channels, index + 2
        index += 1
    return rows


SOUNDNET = ((1, 1, 16, 64), (2, 16, 32, 32), (3, 32, 64, 16), (4, 64, 128, 8), (5, 128, 256, 4),
            (6, 256, 512, 4), (7, 512, 1024, 4), (8, 1024, 1000, 8))


def soundnet():
    rows = []
    for n, inputs, channels, taps in SOUNDNET:
        rows.append((f"conv{n}.0.weight", (channels, inputs, 1, taps)))
        rows.append((f"conv{n}.0.bias", (channels,)))
        if n < 8:
            rows += norm(f"conv{n}.1", channels)
    return rows


IMAGE_NETWORKS = {"vgg16": vgg16, "resnet18": resnet18, "resnet18_14": resnet18}
SOUND_NETWORKS = {"soundnet": soundnet, "resnet18": lambda: resnet18(1),
                  "resnet18_mean": lambda: resnet18(1), "resnet18_14": lambda: resnet18(1)}


def two_layers(fs, v):
    rows = []
    for name, inputs, outputs in (("sound_fc1", fs, fs), ("sound_fc2", fs, v),
                                  ("image_fc1", v, v), ("image_fc2", v, fs)):
        rows += [(f"{name}.weight", (outputs, inputs)), (f"{name}.bias", (outputs,))]
    return rows


def projections(numbers, dim=512):
    rows = []
    for number in numbers:
        rows += [(f"image_proj{number}.weight", (dim, dim, 1, 1)),
                 (f"image_proj{number}.bias", (dim,)),
                 (f"sound_proj{number}.weight", (dim, dim)), (f"sound_proj{number}.bias", (dim,))]
    return rows


# --- contracts -------------------------------------------------------------------------------------


def frame(side, fit, kernel, **more):
    return {"height": side, "width": side, "fit": fit, "kernel": kernel, **more, **IMAGENET}


def sound(front_end, window_s, rate_hz=0, **more):
    return {"front_end": front_end, "rate_hz": rate_hz, "window_s": window_s, "anchor": "centre",
            "fill": "tile", **more}


def contract(arch, preset, picture, heard, head, score, temperature):
    kind = {"fc": {}, "none": {"kind": "none"}}.get(head, {"kind": "linear"})
    if head == 2:
        kind["count"] = 2
    activation = "relu" if head == "fc" else "none"
    result = {"arch": arch, **({"preset": preset} if preset else {}), "frame": picture,
              "sound": heard, "head": {**kind, "activation": activation, "floor": 0, "pool": "mean"},
              "score": score}
    return {**result, **({"temperature": temperature} if temperature != 1 else {})}


def new_contract(arch):
    """As lib/net/preset.c makes it for an architecture."""
    image, heard = arch.split("+")
    picture = (frame(320, "stretch", "bilinear") if image == "vgg16"
               else frame(224, "stretch", "bicubic"))
    if heard == "soundnet":
        return contract(arch, None, picture, sound("soundnet", 20, 22050), "fc", "cosine", 1)
    return contract(arch, None, picture, sound("ezvsl", 3, 16000), "fc", "cosine", 1)


# --- layouts ---------------------------------------------------------------------------------------


class Layout:
    """TENSORS: (their name, our name, shape); UNUSED: patterns of names that may be there;
    WRAP: the member of the file's dict that holds them, when written; MAY_HAVE_MORE: its own code
    loads it whatever else is there."""

    def __init__(self, name, tensors, unused, wrap, made, may_have_more=False, padding=()):
        self.name, self.tensors, self.wrap, self.contract = name, tensors, wrap, made
        self.unused = [re.compile(pattern + r"\Z") for pattern in (*unused, r".*num_batches_tracked")]
        self.may_have_more = may_have_more
        self.padding = padding

    def knows(self, name):
        return any(pattern.match(name) for pattern in self.unused)


def rows(theirs, ours, network):
    return [(theirs + name, ours + name, shape) for name, shape in network]


def _two_towers(sound_stem="conv1"):
    heard = rows("audnet.", "sound.", resnet18(1))
    heard[0] = (f"audnet.{sound_stem}.weight", *heard[0][1:])
    return rows("imgnet.", "image.", resnet18()) + heard


def _projected(numbers, prefix=""):
    tensors = [(prefix + theirs, ours, shape) for theirs, ours, shape in _two_towers()]
    for number in numbers:
        for stream, ours in (("img", "image"), ("aud", "sound")):
            shape = (512, 512, 1, 1) if stream == "img" else (512, 512)
            tensors.append((f"{prefix}{stream}_proj{number}.weight", f"{ours}_proj{number}.weight",
                            shape))
            tensors.append((f"{prefix}{stream}_proj{number}.bias", f"{ours}_proj{number}.bias",
                            (512,)))
    return tensors


STEMS = {"conv1_a": 1, "conv1": 3, "conv1_flow": 6}
LVS_UNUSED = (r"(img|aud)net\.fc\.(weight|bias)", r"imgnet\.conv1_(a|flow)\.weight",
              r"audnet\.conv1(_flow)?\.weight")
LVS_PADDING = ([(f"imgnet.{stem}.weight", (64, STEMS[stem], 7, 7)) for stem in ("conv1_a", "conv1_flow")]
               + [(f"audnet.{stem}.weight", (64, STEMS[stem], 7, 7)) for stem in ("conv1", "conv1_flow")]
               + [(f"{net}.fc.{part}", shape) for net in ("imgnet", "audnet")
                  for part, shape in (("weight", (1000, 512)), ("bias", (1000,)))])
SENOCAK = ([("vision_embedding_model.feature_extraction" + theirs[len("features"):], "image." + theirs,
             shape) for theirs, shape in vgg16()]
           + [(theirs.replace("image_", "vision_"), theirs, shape)
              for theirs, shape in two_layers(1000, 512)])
LVS = "resnet18_14+resnet18_14"
EZVSL = "resnet18+resnet18"
SQUARE = frame(224, "stretch", "bicubic")
CROPPED = frame(224, "crop", "bicubic")
FLOATS = frame(224, "stretch", "bicubic", arithmetic="floats")


def make_layouts(momentum=False):
    """Name -> layout. MOMENTUM: of SLAVC's two sets of networks, those behind momentum_."""
    prefix, other = ("momentum_", r"(img|aud)(net|_proj)[12.].*") if momentum else ("", r"momentum_.*")
    layouts = [
        Layout("senocak", SENOCAK, (), None,
               contract("vgg16+soundnet", "senocak", frame(320, "stretch", "bilinear"),
                        sound("soundnet", 20, channel="first"), "fc", "cosine-relu", 1)),
        Layout("lvs", _two_towers("conv1_a"), LVS_UNUSED, "model_state_dict",
               contract(LVS, "lvs", CROPPED, sound("lvs", 10), "none", "cosine", 0.07),
               padding=LVS_PADDING),
        Layout("ezvsl", _projected([""]), (), "model",
               contract(EZVSL, "ezvsl", SQUARE, sound("ezvsl", 3), 1, "cosine", 0.03)),
        Layout("slavc", _projected([1, 2], prefix), (other,), "model",
               contract(EZVSL, "slavc", SQUARE, sound("ezvsl", 3), 2, "cosine", 0.03)),
        Layout("fnac", _projected([""]), (), "model",
               contract(EZVSL, "fnac", SQUARE, sound("ezvsl", 3), 1, "cosine", 0.03)),
        Layout("sslalign", _two_towers("conv1_a"), LVS_UNUSED, "model_state_dict",
               contract(LVS, "sslalign", FLOATS, sound("sslalign", 10, channel="first"), "none",
                        "cosine", 0.07), may_have_more=True, padding=LVS_PADDING),
        Layout("ssltie", _two_towers("conv1_a"),
               (*LVS_UNUSED, r"(vision_fc1|conv3|norm3)\.(weight|bias)",
                r"norm3\.running_(mean|var)"), "state_dict",
               contract(LVS, "ssltie", CROPPED, sound("ssltie", 10), "none", "cosine", 0.07),
               padding=[*LVS_PADDING, ("vision_fc1.weight", (512, 1024, 1, 1)),
                        ("vision_fc1.bias", (512,)), ("conv3.weight", (1, 1, 1, 1)),
                        ("conv3.bias", (1,)), *norm("norm3", 1)]),
        Layout("vgg16", rows("", "image.", vgg16()), (r"classifier\..*",), None, None),
        Layout("resnet18", rows("", "image.", resnet18()), (r"fc\..*",), None, None),
        Layout("soundnet", rows("", "sound.", soundnet()), (r"conv8_2\..*",), None, None),
    ]
    return {layout.name: layout for layout in layouts}


def recognise(names, had_module):
    """The layout that a set of names belongs to, by what it alone has."""
    def has(start):
        return any(name.startswith(start) for name in names)
    if has("vision_embedding_model.feature_extraction."):
        return "senocak"
    if has("img_proj1.") or has("momentum_img_proj1."):
        return "slavc"
    if has("img_proj."):
        return "ezvsl"
    if has("imgnet.conv1_a.") or has("audnet.conv1_a."):
        if has("vision_fc1."):
            return "ssltie"
        return "lvs" if had_module else "sslalign"
    if has("features.0."):
        return "vgg16"
    if has("conv1.0.") and has("conv8."):
        return "soundnet"
    if has("layer1.0.conv1."):
        return "resnet18"
    return None


# --- what a partial layout lacks ---------------------------------------------------------------------


def arch_tensors(arch):
    """(our name, shape) of all tensors of an architecture with two fully connected layers."""
    image, heard = arch.split("+")
    if image not in IMAGE_NETWORKS or heard not in SOUND_NETWORKS:
        raise ValueError(f"'{arch}' is no architecture that can be completed here")
    made = [("image." + name, shape) for name, shape in IMAGE_NETWORKS[image]()]
    made += [("sound." + name, shape) for name, shape in SOUND_NETWORKS[heard]()]
    return made + two_layers(1000 if heard == "soundnet" else 512, 512)


def new_values(tensors, seed=0):
    """What lib/net/parameters.c begins with, bit for bit. TENSORS: (name, shape)."""
    made = OrderedDict()
    fan_in = {name[: -len(".weight")]: math.prod(shape[1:]) for name, shape in tensors
              if name.endswith(".weight") and len(shape) > 1}
    for name, shape in tensors:
        layer, part = name.rsplit(".", 1)
        if layer not in fan_in:
            made[name] = np.full(shape, part in ("weight", "running_var"), np.float32)
            continue
        is_conv = part == "weight" and len(shape) == 4 and not name.startswith("image_")
        bound = math.sqrt((6 if is_conv else 1) / fan_in[layer])
        made[name] = pcg32.tensor(name, seed, shape, bound)
    return made
