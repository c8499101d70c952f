# SPDX-License-Identifier: MIT
"""The default model in plain NumPy: slow, short, and independent of the C code.

WEIGHTS is everywhere the mapping of names to arrays that lib/share/default.safetensors holds, of
any float type; the work is done in float32. Pictures and maps are (channels, rows, columns). VISIT,
where it is taken, is called with the name of each layer and what the layer gave.
"""

import csv

import numpy as np

FRAME_SIZE = 448
SOUND_RATE_HZ = 16000
SOUND_FLOOR = 0.05

# Repeats, kernel, stride of the first, expansion, channels out (Tan & Le 2019, without squeeze and
# excitation, stem and head unscaled).
LITE0_ROWS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
LITE0_EPS = 1e-3
YAMNET_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
YAMNET_EPS = 1e-4


def image_a(size=FRAME_SIZE):
    """The test picture, (size, size, 3) uint8."""
    y, x = np.mgrid[0:size, 0:size]
    planes = 3 * x + 5 * y, 7 * x + 2 * y + 40, x * y // 16 + 11 * x
    return np.stack([plane % 256 for plane in planes], axis=-1).astype(np.uint8)


def sound_a():
    """The test sound, 31200 samples at 16 kHz: a tone and a rising one."""
    n = np.arange(31200, dtype=np.float64)
    tone = 0.4 * np.sin(2 * np.pi * 440 * n / 16000)
    return (tone + 0.2 * np.sin(2 * np.pi * (100 + n / 20) * n / 16000)).astype(np.float32)


def same_padding(size, kernel, stride):
    """TensorFlow's SAME: rows to add before and after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(x, kernel, stride):
    rows, columns = (same_padding(n, kernel, stride) for n in x.shape[1:])
    return np.pad(x, ((0, 0), rows, columns))


def conv(x, weight, stride=1):
    """SAME convolution of (c, h, w) with (o, c, k, k)."""
    weight = weight.astype(np.float32)
    out, _, kernel, _ = weight.shape
    if kernel > 1:
        windows = np.lib.stride_tricks.sliding_window_view(
            pad_same(x, kernel, stride), (kernel, kernel), axis=(1, 2)
        )[:, ::stride, ::stride]
        x = windows.transpose(0, 3, 4, 1, 2)
    size = x.shape[-2:]
    return (weight.reshape(out, -1) @ x.reshape(-1, size[0] * size[1])).reshape(out, *size)


def depthwise(x, weight, stride=1):
    """SAME convolution of (c, h, w) with (c, 1, k, k), channel by channel."""
    weight = weight.astype(np.float32)
    kernel = weight.shape[-1]
    rows, columns = (-(-n // stride) for n in x.shape[1:])
    padded = pad_same(x, kernel, stride)
    out = np.zeros((x.shape[0], rows, columns), np.float32)
    for dy in range(kernel):
        for dx in range(kernel):
            tap = padded[:, dy:, dx:][:, ::stride, ::stride][:, :rows, :columns]
            out += weight[:, 0, dy, dx, None, None] * tap
    return out


def batch_norm(x, weights, prefix, eps):
    """YAMNet's has no gain."""
    scale = 1 / np.sqrt(weights[prefix + ".running_var"] + np.float32(eps))
    if prefix + ".weight" in weights:
        scale = scale * weights[prefix + ".weight"]
    shift = weights[prefix + ".bias"] - weights[prefix + ".running_mean"] * scale
    return x * scale[:, None, None] + shift[:, None, None]


def nothing(_name, _value):
    pass


def image_net(weights, frame, visit=nothing):
    """v (1280, rows, columns) of a frame (h, w, 3) uint8."""

    def layer(x, convolve, name, norm, stride=1):
        x = convolve(x, weights[f"image.{name}.weight"], stride)
        return batch_norm(x, weights, "image." + norm, LITE0_EPS)

    def relu6(x):
        return np.clip(x, 0, 6)

    x = (frame.astype(np.float32).transpose(2, 0, 1) - 127) / 128
    x = relu6(layer(x, conv, "_conv_stem", "_bn0", 2))
    visit("stem", x)
    block = 0
    for repeats, _, stride, expand, _ in LITE0_ROWS:
        for i in range(repeats):
            name = f"_blocks.{block}."
            inside = x
            if expand > 1:
                inside = relu6(layer(inside, conv, name + "_expand_conv", name + "_bn0"))
            step = stride if i == 0 else 1
            inside = relu6(layer(inside, depthwise, name + "_depthwise_conv", name + "_bn1", step))
            inside = layer(inside, conv, name + "_project_conv", name + "_bn2")
            x = x + inside if i else inside
            visit(f"block{block}", x)
            block += 1
    v = relu6(layer(x, conv, "_conv_head", "_bn1"))
    visit("head", v)
    return v


def mel_matrix(bands=64, bins=257, low_hz=125, high_hz=7500):
    """(bins, bands) triangles of height 1, linear in mel; bin 0 is left out."""

    def mel(hz):
        return 1127 * np.log1p(hz / 700)

    edges = np.linspace(mel(low_hz), mel(high_hz), bands + 2)
    at = mel(np.arange(bins) * SOUND_RATE_HZ / 2 / (bins - 1))[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    up, down = (at - low) / (centre - low), (high - at) / (high - centre)
    matrix = np.maximum(0, np.minimum(up, down))
    matrix[0] = 0
    return matrix


def pad_sound(samples):
    """Zeros behind, to 15600 samples and then to a whole number of steps of 7680."""
    steps = max(0, -(-(len(samples) - 15600) // 7680))
    return np.pad(samples, (0, 15600 + 7680 * steps - len(samples)))


def log_mel(samples):
    """(frames, 64) of mono samples at 16 kHz."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.lib.stride_tricks.sliding_window_view(pad_sound(samples), 400)[::160]
    spectrum = np.abs(np.fft.rfft(frames.astype(np.float64) * window, 512))
    return np.log(spectrum @ mel_matrix() + 0.001).astype(np.float32)


def patches(samples):
    """(patches, 96, 64): 0.96 s each, every 0.48 s."""
    frames = log_mel(samples)
    return np.stack([frames[at : at + 96] for at in range(0, len(frames) - 95, 48)])


def sound_net(weights, patch, visit=nothing):
    """f_s (1024) of one patch (96, 64)."""

    def layer(x, convolve, name, stride=1):
        x = convolve(x, weights[name + ".weight"], stride)
        return np.maximum(batch_norm(x, weights, name + ".bn", YAMNET_EPS), 0)

    x = layer(patch[None], conv, "sound.layer1.conv", 2)
    visit("layer1", x)
    for number, stride in enumerate(YAMNET_STRIDES, 2):
        x = layer(x, depthwise, f"sound.layer{number}.depthwise_conv", stride)
        x = layer(x, conv, f"sound.layer{number}.pointwise_conv")
        visit(f"layer{number}", x)
    f_s = x.mean(axis=(1, 2))
    visit("f_s", f_s)
    return f_s


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def class_scores(weights, f_s):
    """The scores of AudioSet's classes for one f_s or for rows of them, before the floor."""
    fc1 = weights["sound_fc1.weight"].astype(np.float32)
    return sigmoid(f_s @ fc1.T + weights["sound_fc1.bias"])


def listen(weights, samples):
    """q (521): the largest score of each class over the patches, the faint ones dropped."""
    f_s = np.stack([sound_net(weights, patch) for patch in patches(samples)])
    q = class_scores(weights, f_s).max(axis=0)
    return np.where(q > SOUND_FLOOR, q, 0)


def embed(weights, q):
    """h (1280)."""
    return weights["sound_fc2.weight"].astype(np.float32) @ q


def score_dot(h, v):
    return np.tensordot(h, v, 1)


def score_cosine(h, v):
    norm = np.linalg.norm(h) * np.linalg.norm(v, axis=0)
    return score_dot(h, v) / np.maximum(norm, 1e-12)


def logits(weights, v):
    """(1000, ...) of v (1280, ...)."""
    bias = weights["image._fc.bias"].reshape(-1, *[1] * (v.ndim - 1))
    return np.tensordot(weights["image._fc.weight"].astype(np.float32), v, 1) + bias


def softmax(x):
    e = np.exp(x - x.max(axis=0))
    return e / e.sum(axis=0)


def score_class(weights, q, v):
    """The class map: how much each position looks like what is heard."""
    share = softmax(logits(weights, v))
    wanted = np.zeros(1000)
    for c, i in weights["class_map.pairs"]:
        wanted[i] += q[c] * weights["class_map.weight"][c]
    person = np.clip(np.tensordot(weights["class_map.person_row"], v, 1), 0, 1)
    return np.tensordot(wanted, share, 1) + q @ weights["class_map.person"] * person


def read_class_table(path):
    """(pairs, weight, person): see the class_map tensors; PATH is audioset_to_imagenet.tsv."""
    pairs, weight, person = [], np.zeros(521, np.float32), np.zeros(521, np.float32)
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            c = int(row["audioset_index"])
            weight[c] = float(row["weight"])
            person[c] = float(row["person"] or 0)
            pairs += [(c, int(i)) for i in row["imagenet_index"].split(",") if i]
    return np.array(sorted(pairs), np.int16), weight, person


def join(fc, pairs, weight, person, person_row):
    """sound_fc2.weight (1280, 521): from the scores of sounds to a direction among v.

    Row c is weight_c times the mean classifier row of the pictures of c, centred over all
    classes, plus person_c times ten times the person direction.
    """
    fc = fc.astype(np.float64)
    centred = fc - fc.mean(axis=0)
    rows = np.outer(person, 10 * person_row.astype(np.float64))
    for c in np.unique(pairs[:, 0]):
        rows[c] += weight[c] * centred[pairs[pairs[:, 0] == c, 1]].mean(axis=0)
    return np.ascontiguousarray(rows.T.astype(np.float32))
