# SPDX-License-Identifier: MIT
"""Numbers that the two networks and their join are known to give, found with other programs
(ONNX Runtime for the pictures, the original TensorFlow model for the sounds), and their check."""

import json
import os
import subprocess

import numpy as np

import reference

# After the layer: mean, deviation, first and last value, for picture A at 448.
PICTURE_LAYERS = {
    "stem": (2.10315, 1.80902, 3.65409, 0),
    "block0": (-0.45863, 8.37564, 1.41590, -2.72605),
    "block2": (0.05247, 12.92270, 1.41095, 7.59339),
    "block4": (0.07016, 10.67736, 4.75455, -15.42572),
    "block7": (-0.46123, 8.64132, -6.62631, -25.76693),
    "block10": (-0.21479, 7.13602, 5.18968, 1.00691),
    "block14": (0.63610, 5.38318, 2.81656, -3.89906),
    "block15": (-0.14028, 2.48170, 1.17861, 1.02380),
    "head": (0.104365, 0.518830, 0, 0),
}
PICTURE_V = {(113, 7, 7): 6, (1227, 7, 7): 5.61357, (245, 7, 7): 2.77944, (989, 7, 7): 1.60911}
PICTURE_MEANS = {113: 5.47191, 7: 0.561234, 100: 0.363189}
PICTURE_CENTRED = {(207, 7, 7): 0.03423, (437, 0, 0): 1.82778, (854, 13, 13): 2.94540}
PICTURE_LOGITS = {0: 0.19642, 1: -0.50580, 2: -0.58607, 3: -0.64420, 437: 4.23642}

SOUND_SAMPLES = (0, 0.0766275, 0.1512026, 0.2217260, 0.2863185)
SOUND_LOG_MEL = {
    (0, 0): 2.38684,
    (0, 10): 1.56874,
    (50, 20): -0.17859,
    (50, 63): -6.89377,
    (191, 5): -0.58493,
}
SOUND_MEL_SUMS = {0: 0.94769, 1: 0.98542, 31: 2.88903, 63: 8.94418}
# After the layer: mean, deviation, first value, for patch 0 of sound A.
SOUND_LAYERS = {
    "layer1": (0.76305, 1.25707, 1.17970),
    "layer2": (0.46035, 0.87371, 2.95739),
    "layer4": (0.56102, 0.92567, 2.10668),
    "layer6": (0.52183, 1.00122, 0),
    "layer12": (0.02314, 0.03158, 0),
    "layer14": (0.08835, 0.42651, 0),
}
SOUND_F_S = {967: 4.71933, 690: 3.90693, 953: 3.73736}
SOUND_SCORES = (
    {"Synthesizer": 0.7501, "Keyboard (musical)": 0.5525, "Theremin": 0.5289},
    {"Synthesizer": 0.8866, "Keyboard (musical)": 0.7377, "Musical instrument": 0.3722},
)

CLIPS = {
    "001 - Dog bark/1-100032-A.ogg": {
        "Silence": 1.0,
        "Dog": 0.7219,
        "Domestic animals, pets": 0.6726,
        "Bow-wow": 0.5992,
        "Animal": 0.5938,
    },
    "009 - Rooster/1-26806-A.ogg": {
        "Silence": 1.0,
        "Animal": 0.8999,
        "Fowl": 0.8324,
        "Chicken, rooster": 0.8311,
        "Livestock, farm animals, working animals": 0.8225,
    },
    "007 - Helicopter/1-172649-A.ogg": {
        "Engine": 0.5454,
        "Idling": 0.3787,
        "Vehicle": 0.3659,
        "Vibration": 0.3621,
        "Medium engine (mid frequency)": 0.1977,
    },
}
PHOTOS = {
    "n02099601_golden_retriever.JPEG": {207: 0.7281, 208: 0.0788},
    "n02672831_accordion.JPEG": {513: 0.1150, 401: 0.0579},
    "n03345487_fire_engine.JPEG": {555: 0.3007, 717: 0.2506},
}


class Disagreement(Exception):
    pass


class Checker:
    """Compares found with published numbers; SLACK widens the bounds for rounded weights."""

    def __init__(self, slack=0.0):
        self.slack = slack
        self.checks = 0
        self.worst = 0.0

    def near(self, what, found, published, largest, tolerance=1e-4):
        """Within TOLERANCE of LARGEST, and half a unit of the last of five decimals."""
        self.checks += 1
        difference = abs(float(found) - published) / largest
        self.worst = max(self.worst, difference)
        if not difference <= tolerance + self.slack + 5e-6 / largest:
            raise Disagreement(f"{what}: {float(found):.6g}, published {published}")

    def true(self, what, condition):
        self.checks += 1
        if not condition:
            raise Disagreement(what)


def check_picture(check, weights, nets):
    frame = reference.image_a()
    check.true("picture A", frame[0, 0].tolist() == [0, 40, 0])
    check.true("picture A", frame[1, 2].tolist() == [11, 56, 22])
    check.true("picture A", frame[100, 200].tolist() == [76, 104, 122])

    def visit(name, value):
        if name not in PICTURE_LAYERS:
            return
        found = value.mean(dtype=np.float64), value.std(dtype=np.float64), value.flat[0]
        for part, x, y in zip(("mean", "deviation", "first", "last"), (*found, value.flat[-1]),
                              PICTURE_LAYERS[name]):
            check.near(f"{name} {part}", x, y, np.abs(value).max())

    v = nets.image_net(weights, frame, visit)
    check.near("|v|", np.linalg.norm(v), 265.0769, 265.0769)
    for at, value in PICTURE_V.items():
        check.near(f"v{list(at)}", v[at], value, 6)
    pooled = v.mean(axis=(1, 2))
    for channel, value in PICTURE_MEANS.items():
        check.near(f"mean of channel {channel}", pooled[channel], value, 6)
    fc = weights["image._fc.weight"].astype(np.float32)
    for (c, y, x), value in PICTURE_CENTRED.items():
        check.near(f"class {c} at {y},{x}", (fc[c] - fc.mean(axis=0)) @ v[:, y, x], value, 4)
    scores = reference.logits(weights, pooled)
    for c, value in PICTURE_LOGITS.items():
        check.near(f"logit {c}", scores[c], value, 4.23642)
    check.true("picture A is a beacon", scores.argmax() == 437)

    v = nets.image_net(weights, reference.image_a(224))
    scores = reference.logits(weights, v.mean(axis=(1, 2)))
    check.near("head at 224", v.mean(dtype=np.float64), 0.130792, 6)
    check.near("logit 854 at 224", scores[854], 6.02983, 6.02983)
    check.true("picture A at 224 is a theater curtain", scores.argmax() == 854)


def check_sound(check, weights, classes, nets):
    samples = reference.sound_a()
    for found, value in zip(samples, SOUND_SAMPLES):
        check.near("sound A", found, value, 0.6, 1e-6)
    check.true("sound A, padded", len(reference.pad_sound(samples)) == 38640)
    frames = reference.log_mel(samples)
    check.true("sound A has 240 frames", frames.shape == (240, 64))
    for at, value in SOUND_LOG_MEL.items():
        check.near(f"log mel {list(at)}", frames[at], value, 7)
    check.near("log mel, mean", frames[:192].mean(dtype=np.float64), -4.24592, 7)
    matrix = reference.mel_matrix()
    check.true("461 values in the mel matrix", np.count_nonzero(matrix) == 461)
    bins = np.flatnonzero(matrix[:, 63])
    check.true("bins of mel band 63", (bins[0], bins[-1]) == (223, 239))
    for band, value in SOUND_MEL_SUMS.items():
        check.near(f"mel band {band}", matrix[:, band].sum(), value, 9)

    patches = reference.patches(samples)
    check.true("sound A has 4 patches", len(patches) == 4)
    check.near("patch 0, mean", patches[0].mean(dtype=np.float64), -4.38435, 7)

    def visit(name, value):
        if name not in SOUND_LAYERS:
            return
        found = value.mean(dtype=np.float64), value.std(dtype=np.float64), value.flat[0]
        for part, x, y in zip(("mean", "deviation", "first"), found, SOUND_LAYERS[name]):
            check.near(f"{name} {part}", x, y, np.abs(value).max())

    f_s = nets.sound_net(weights, patches[0], visit)
    check.near("sum of f_s", f_s.sum(dtype=np.float64), 90.4743, 90.4743)
    for channel, value in SOUND_F_S.items():
        check.near(f"f_s[{channel}]", f_s[channel], value, 4.71933)
    rows = f_s, nets.sound_net(weights, patches[1])
    for row, published in zip(rows, SOUND_SCORES):
        scores = reference.class_scores(weights, row)
        for name, value in published.items():
            check.near(name, scores[classes.index(name)], value, 1)
        check.true("sound A is a synthesizer", classes[scores.argmax()] == "Synthesizer")


def check_join(check, weights, classes):
    fc2 = weights["sound_fc2.weight"].astype(np.float64)
    norms = np.linalg.norm(fc2, axis=0)
    check.true("396 rows of FC2", np.count_nonzero(norms) == 396)
    check.near("|FC2|", np.linalg.norm(fc2), 26.857, 26.857)
    check.near("|FC2[Dog]|", norms[classes.index("Dog")], 0.5737, 1)
    check.near("|FC2[Speech]|", norms[classes.index("Speech")], 0.7491, 1)


def decode_sound(path):
    """Mono float samples at 16 kHz."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", "16000", "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4")


def decode_picture(path, size):
    from PIL import Image

    picture = Image.open(path).convert("RGB")
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC))


def check_data(check, weights, classes, folder):
    """Real sounds and photos: FOLDER holds esc10/ and imagenet/."""
    for name, published in CLIPS.items():
        q = reference.listen(weights, decode_sound(os.path.join(folder, "esc10", name)))
        for label, value in published.items():
            check.near(f"{name}: {label}", q[classes.index(label)], value, 1, 0.014)
    for name, published in PHOTOS.items():
        frame = decode_picture(os.path.join(folder, "imagenet", name), 224)
        v = reference.image_net(weights, frame)
        share = reference.softmax(reference.logits(weights, v.mean(axis=(1, 2))))
        for c, value in published.items():
            check.near(f"{name}: class {c}", share[c], value, 1, 0.01)

    samples = decode_sound(os.path.join(folder, "esc10", next(iter(CLIPS))))
    q = reference.listen(weights, samples)
    h = reference.embed(weights, q)
    frame = decode_picture(os.path.join(folder, "imagenet", next(iter(PHOTOS))), 448)
    v = reference.image_net(weights, frame)
    heat = reference.score_dot(h, v)
    check.near("|h|", np.linalg.norm(h), 1.7699, 1.77, 0.01)
    for found, value in zip(h, (0.04412, 0.02653, 0.02813, 0.05029)):
        check.near("h", found, value, 1, 0.01)
    check.true("the peak", np.unravel_index(heat.argmax(), heat.shape) == (10, 8))
    for what, found, value in (("peak", heat.max(), 8.549), ("least", heat.min(), 0.125),
                               ("middle", heat[7, 7], 2.144)):
        check.near(f"score, {what}", found, value, 8.549, 0.01)
    heat = reference.score_class(weights, q, v)
    check.true("the class map's peak", np.unravel_index(heat.argmax(), heat.shape) == (5, 5))
    check.near("class map, peak", heat.max(), 3.033, 3.033, 0.01)
    check.near("class map, mean", heat.mean(), 1.0048, 3.033, 0.01)


def check_all(weights, metadata, folder=None, slack=0.0, nets=reference):
    """Raises Disagreement at the first number that differs; returns the Checker.

    NETS has the two networks to check, image_net and sound_net of the reference or others.
    """
    classes = json.loads(metadata["avl.classes"])
    check = Checker(slack)
    check_picture(check, weights, nets)
    check_sound(check, weights, classes, nets)
    check_join(check, weights, classes)
    if folder:
        check_data(check, weights, classes, folder)
    return check
