# SPDX-License-Identifier: MIT
"""The published methods in PyTorch: networks with the tensor names of their official codes, and what
those codes do to a picture and a sound. Needs PyTorch, torchvision, SciPy and Pillow.

Every method is a function (state, picture, sound) -> (v, f_s, map), where STATE is a dict of the
official names, PICTURE (h, w, 3) uint8, and SOUND int16 (samples, channels) with its rate. Maps are
scores before any softmax or temperature.
"""

import math

import numpy as np
import scipy.signal
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image

IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
IMAGENET_STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


# --- pictures --------------------------------------------------------------------------------------


def to_tensor(picture):
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255


def normalised(tensor):
    return (tensor - IMAGENET_MEAN) / IMAGENET_STD


def stretched(picture, side, kernel):
    return normalised(to_tensor(Image.fromarray(picture).resize((side, side), kernel)))


def cropped(picture, side=224):
    resize = torchvision.transforms.Resize(side, Image.BICUBIC)
    crop = torchvision.transforms.CenterCrop(side)
    return normalised(to_tensor(crop(resize(Image.fromarray(picture)))))


def as_floats(picture, side=224):
    bicubic = torchvision.transforms.InterpolationMode.BICUBIC
    return normalised(torchvision.transforms.Resize((side, side), bicubic)(to_tensor(picture)))


# --- sounds ----------------------------------------------------------------------------------------


def tiled(samples, wanted):
    if len(samples) < wanted:
        samples = np.tile(samples, int(wanted / len(samples)) + 1)
    return samples[:wanted]


def log_density(samples, rate, overlap):
    _, _, density = scipy.signal.spectrogram(samples, rate, nperseg=512, noverlap=overlap)
    return torch.from_numpy(np.log(density + 1e-7) / 12).float()


def mixed(sound):
    return (sound.astype(np.float64) / 32768).mean(axis=1)


def lvs_sound(sound, rate):
    return log_density(np.clip(tiled(mixed(sound), rate * 10), -1, 1), rate, 274)


def mixed_int16(sound):
    """As ffmpeg mixes two channels of 16 bits."""
    if sound.shape[1] == 1:
        return sound[:, 0].astype(np.int64)
    left, right = sound.astype(np.int64).T
    return ((left + right) * 16384 + 16384) >> 15


def ezvsl_sound(sound, rate):
    mono = mixed_int16(sound)
    seek = math.floor(max(len(mono) / rate / 2 - 1.5, 0) * 1e6) / 1e6
    start = int(math.floor(seek * rate + 0.5))
    samples = np.clip(mono[start : start + 3 * rate] / 32767, -1, 1)
    return log_density(tiled(samples, 3 * rate), rate, 274)


def sslalign_sound(sound, rate):
    first = sound[:, 0].astype(np.float64) / 32768
    return log_density(np.clip(tiled(first, rate * 10)[56000:104000], -1, 1), rate, 353)


def htk_bank(rate, bins=257, bands=257):
    """torchaudio's triangles: HTK's mel, linear in Hz, not normalised."""
    top = 2595 * math.log10(1 + rate // 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2, dtype=torch.float64) / 2595) - 1)
    hz = torch.linspace(0, rate // 2, bins, dtype=torch.float64)[:, None]
    up = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    return torch.clamp(torch.minimum(up, down), min=0)


def ssltie_sound(sound, rate):
    samples = torch.from_numpy(tiled(mixed(sound), rate * 10))
    window = torch.hann_window(512, dtype=torch.float64)
    spectrum = torch.stft(samples, 512, 239, 512, window, center=True, pad_mode="reflect",
                          return_complex=True)
    power = (spectrum / window.pow(2).sum().sqrt()).abs().pow(2)
    mel = (power.T @ htk_bank(rate)).T
    return (10 * torch.log10(torch.clamp(mel, min=1e-10))).float()


def soundnet_sound(sound):
    samples = sound[:, 0].astype(np.float32) / 32768 * 256
    if len(samples) < 441000:
        samples = np.tile(samples, int(441000 / len(samples) + 1))
    return torch.from_numpy(samples)


# --- networks --------------------------------------------------------------------------------------


class ResNet(torch.nn.Module):
    """torchvision's up to layer4, under its names."""

    def __init__(self, planes, last_stride, stem="conv1"):
        super().__init__()
        net = torchvision.models.resnet18(weights=None)
        net.conv1 = torch.nn.Conv2d(planes, 64, 7, 2, 3, bias=False)
        block = net.layer4[0]
        block.conv1.stride = block.downsample[0].stride = (last_stride, last_stride)
        self.add_module(stem, net.conv1)
        self.stem = stem
        self.bn1, self.maxpool = net.bn1, net.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = (net.layer1, net.layer2, net.layer3,
                                                              net.layer4)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(getattr(self, self.stem)(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class Vgg(torch.nn.Module):
    """torchvision's features up to conv5_3, before its ReLU."""

    def __init__(self):
        super().__init__()
        self.features = torchvision.models.vgg16(weights=None).features[:29]

    def forward(self, x):
        return self.features(x)


class SoundNet(torch.nn.Module):
    """Time runs down the height, as in the PyTorch port."""

    ROWS = ((1, 16, 64, 32, 8), (16, 32, 32, 16, 8), (32, 64, 16, 8, 0), (64, 128, 8, 4, 0),
            (128, 256, 4, 2, 4), (256, 512, 4, 2, 0), (512, 1024, 4, 2, 0))

    def __init__(self):
        super().__init__()
        for n, (inputs, channels, taps, pad, pool) in enumerate(self.ROWS, 1):
            parts = [torch.nn.Conv2d(inputs, channels, (taps, 1), (2, 1), (pad, 0)),
                     torch.nn.BatchNorm2d(channels), torch.nn.ReLU()]
            parts += [torch.nn.MaxPool2d((pool, 1), (pool, 1))] if pool else []
            self.add_module(f"conv{n}", torch.nn.Sequential(*parts))
        self.conv8 = torch.nn.Sequential(torch.nn.Conv2d(1024, 1000, (8, 1), (2, 1)))
        self.conv8_2 = torch.nn.Sequential(torch.nn.Conv2d(1024, 401, (8, 1), (2, 1)))

    def forward(self, samples):
        x = samples.view(1, 1, -1, 1)
        for n in range(1, 9):
            x = getattr(self, f"conv{n}")(x)
        return x.mean(dim=(2, 3))


def loaded(net, state, prefix, precision):
    """NET with the tensors of STATE behind PREFIX; what the network has and STATE lacks is an error,
    but for counters."""
    mine = {name[len(prefix):]: value for name, value in state.items() if name.startswith(prefix)}
    missing, _ = net.load_state_dict(mine, strict=False)
    wrong = [name for name in missing if not name.endswith("num_batches_tracked")
             and not name.startswith("conv8_2")]
    if wrong:
        raise ValueError(f"lacks {wrong[:3]}")
    return net.to(precision).eval()


def cosine(v, h):
    return (F.normalize(v, dim=1) * F.normalize(h, dim=1)[:, :, None, None]).sum(dim=1)[0]


class Method:
    """How one method sees, hears and scores."""

    def __init__(self, see, hear, run):
        self.see, self.hear, self.run = see, hear, run

    @torch.no_grad()
    def __call__(self, state, picture, sound, rate, precision=torch.float32):
        x, s = self.see(picture), self.hear(sound, rate)
        v, fs, heat = self.run(state, x.to(precision)[None], s.to(precision), precision)
        return {"picture": x, "sound": s, "v": v[0], "fs": fs[0], "map": heat}


def run_towers(stem, stride):
    def run(state, x, s, precision):
        v = loaded(ResNet(3, stride), state, "imgnet.", precision)(x)
        heard = loaded(ResNet(1, stride, stem), state, "audnet.", precision)(s[None, None])
        fs = torch.amax(heard, dim=(2, 3))
        return v, fs, cosine(v, fs)
    return run


def run_projected(numbers, prefix=""):
    def run(state, x, s, precision):
        v = loaded(ResNet(3, 2), state, prefix + "imgnet.", precision)(x)
        heard = loaded(ResNet(1, 2), state, prefix + "audnet.", precision)(s[None, None])
        fs = torch.amax(heard, dim=(2, 3))
        maps = []
        for number in numbers:
            weight, bias = (state[f"{prefix}img_proj{number}.{part}"].to(precision)
                            for part in ("weight", "bias"))
            seen = F.conv2d(v, weight, bias)
            weight, bias = (state[f"{prefix}aud_proj{number}.{part}"].to(precision)
                            for part in ("weight", "bias"))
            maps.append(cosine(seen, F.linear(fs, weight, bias)))
        return v, fs, sum(maps) / len(maps)
    return run


def run_senocak(state, x, s, precision):
    features = {name.replace("vision_embedding_model.feature_extraction.", "features."): value
                for name, value in state.items()}
    v = loaded(Vgg(), {name: value for name, value in features.items()
                       if name.startswith("features.")}, "", precision)(x)
    fs = F.relu(loaded(SoundNet(), state, "soundnet.", precision)(s))
    layer = [state[f"sound_fc{n}.{part}"].to(precision) for n in (1, 2) for part in ("weight", "bias")]
    h = F.linear(F.relu(F.linear(fs, layer[0], layer[1])), layer[2], layer[3])
    return v, fs, F.relu(cosine(v, h))


def bicubic(picture):
    return stretched(picture, 224, Image.BICUBIC)


METHODS = {
    "senocak": Method(lambda picture: stretched(picture, 320, Image.BILINEAR),
                      lambda sound, rate: soundnet_sound(sound), run_senocak),
    "lvs": Method(cropped, lvs_sound, run_towers("conv1_a", 1)),
    "ezvsl": Method(bicubic, ezvsl_sound, run_projected([""])),
    "slavc": Method(bicubic, ezvsl_sound, run_projected(["1", "2"])),
    "fnac": Method(bicubic, ezvsl_sound, run_projected([""])),
    "sslalign": Method(as_floats, sslalign_sound, run_towers("conv1_a", 1)),
    "ssltie": Method(cropped, ssltie_sound, run_towers("conv1_a", 1)),
}


# --- object-guided localization ----------------------------------------------------------------------

# The weight of the scores that is published, and how maps are enlarged.
GUIDED = {"ezvsl": (0.4, "bilinear"), "fnac": (0.4, "bilinear"), "slavc": (0.9, "bicubic")}


def minmax(x):
    return (x - x.min()) / (x.max() - x.min())


@torch.no_grad()
def guided(preset, scores, state, picture, temperature=0.03):
    """SCORES mixed with the objects that a ResNet-18 of torchvision's names sees, 224 x 224."""
    alpha, mode = GUIDED[preset]

    def enlarged(x):
        return F.interpolate(x[None, None], size=(224, 224), mode=mode, align_corners=True)[0, 0]

    features = loaded(ResNet(3, 2), state, "", torch.float32)(bicubic(picture)[None])
    things, scores = enlarged(features[0].abs().mean(dim=0)), enlarged(scores / temperature)
    if preset == "slavc":
        return alpha * (scores + 1 / temperature) / (2 / temperature) + (1 - alpha) * things / 2.5
    return minmax(alpha * minmax(scores) + (1 - alpha) * minmax(things))


# --- made-up material: the same in C (tests/net/material.h) ------------------------------------------


def picture_of(h, w):
    y, x = np.mgrid[0:h, 0:w]
    planes = 3 * x + 5 * y, 7 * x + 2 * y + 40, x * y // 16 + 11 * x
    return np.stack([plane % 256 for plane in planes], axis=-1).astype(np.uint8)


def sound_of(noise, count, channels=1):
    """Whole numbers only: a square wave under noise. NOISE: u32 values, one a sample and channel."""
    noise = (noise[: count * channels].reshape(count, channels) >> 19).astype(np.int64) - 4096
    square = np.where(np.arange(count) // 37 % 2 == 1, 6000, -6000)
    return (noise + square[:, None]).astype(np.int16)
