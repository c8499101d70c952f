# SPDX-License-Identifier: MIT
"""The published evaluation rules once more, in NumPy, written from their formulas and not from
lib/eval: what avl-eval is held to, bit for bit. Slow and plain on purpose."""

import numpy as np

f4 = np.float32
N = 224


class Rng:
    """PCG32 as lib/base/rng.h has it."""

    MASK = (1 << 64) - 1

    def __init__(self, seed, stream):
        self.state, self.stream = 0, (stream << 1 | 1) & self.MASK
        self.u32()
        self.state = (self.state + seed) & self.MASK
        self.u32()

    def u32(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.stream) & self.MASK
        shifted, rotate = ((old >> 18 ^ old) >> 27) & 0xFFFFFFFF, old >> 59
        return (shifted >> rotate | shifted << (-rotate & 31)) & 0xFFFFFFFF

    def below(self, n):
        reject = (1 << 32) % n
        while True:
            value = self.u32()
            if value >= reject:
                return value % n

    def uniform(self):
        return f4(self.u32() >> 8) * f4(2.0**-24)


# --- upsampling ---------------------------------------------------------------------------------


def fma(a, b, c):
    """a b + c rounded once: extended precision holds the product of two floats exactly."""
    a, b, c = np.broadcast_arrays(a, b, c)
    wide = a.astype(np.longdouble) * b.astype(np.longdouble) + c.astype(np.longdouble)
    return wide.astype(f4)


def torch_places(n, corners, cubic):
    i = np.arange(N, dtype=f4)
    if corners:
        return f4(n - 1) / f4(N - 1) * i
    scale = f4(n) / f4(N)
    if cubic:
        return fma(scale, i + f4(0.5), f4(-0.5))
    return np.maximum(scale * (i + f4(0.5)) - f4(0.5), f4(0))


def split_places(places, n):
    low = np.minimum(np.floor(places).astype(int), n - 1)
    return low, np.clip(places - low.astype(f4), f4(0), f4(1))


def torch_linear_axis(x, corners):
    low, t = split_places(torch_places(x.shape[1], corners, False), x.shape[1])
    high = np.minimum(low + 1, x.shape[1] - 1)
    return fma(x[:, low], f4(1) - t, x[:, high] * t)


def torch_cubic_axis(x, corners):
    n, a = x.shape[1], f4(-0.75)
    low, t = split_places(torch_places(n, corners, True), n)

    def near(d):
        return fma(a + f4(2), d, -(a + f4(3))) * d * d + f4(1)

    def far(d):
        return fma(fma(a, d, f4(-5) * a), d, f4(8) * a) * d - f4(4) * a

    rest = f4(1) - t
    weight = far(t + f4(1)), near(t), near(rest), far(rest + f4(1))
    sample = [x[:, np.clip(low - 1 + k, 0, n - 1)] for k in range(4)]
    total = fma(sample[0], weight[0], sample[1] * weight[1])
    return fma(sample[3], weight[3], fma(sample[2], weight[2], total))


def cv_linear_axis(x):
    n = x.shape[1]
    places = (np.arange(N) + 0.5) * (n / N) - 0.5
    low = np.floor(places).astype(int)
    t = np.where((low < 0) | (low >= n - 1), 0, places - low).astype(f4)
    low = np.clip(low, 0, n - 1)
    left, right = x[:, low], x[:, np.minimum(low + 1, n - 1)]
    return fma(np.broadcast_to(t, left.shape), right - left, left)


def cv_cubic_axis(x, last_first):
    n, a = x.shape[1], f4(-0.75)
    places = ((np.arange(N) + 0.5) * (n / N) - 0.5).astype(f4)
    low = np.floor(places).astype(int)
    t = places - low.astype(f4)
    near = lambda d: ((a + f4(2)) * d - (a + f4(3))) * d * d + f4(1)
    d = t + f4(1)
    first = ((a * d - f4(5) * a) * d + f4(8) * a) * d - f4(4) * a
    second, third = near(t), near(f4(1) - t)
    weight = first, second, third, f4(1) - first - second - third
    part = [x[:, np.clip(low - 1 + k, 0, n - 1)] * weight[k] for k in range(4)]
    if last_first:
        return part[0] + (part[1] + (part[2] + part[3]))
    return part[0] + part[1] + part[2] + part[3]


def both(x, axis, *rest):
    """Along the rows, then along the columns."""
    return axis(axis(x, *rest).T.copy(), *rest).T.copy()


UPSAMPLE = {
    "torch-linear-corners": lambda x: both(x, torch_linear_axis, True),
    "torch-linear": lambda x: both(x, torch_linear_axis, False),
    "torch-cubic-corners": lambda x: both(x, torch_cubic_axis, True),
    "torch-cubic": lambda x: both(x, torch_cubic_axis, False),
    "cv-linear": lambda x: both(x, cv_linear_axis),
    "cv-cubic": lambda x: cv_cubic_axis(cv_cubic_axis(x, False).T.copy(), True).T.copy(),
}

# --- truth --------------------------------------------------------------------------------------


def truth_map(boxes, consensus):
    g = np.zeros((N, N))
    for box in boxes:
        x0, y0, x1, y1 = (int(N * min(max(float(v), 0.0), 1.0)) for v in box[:4])
        g[y0:y1, x0:x1] += 1
    return np.minimum(g / 2, 1) if consensus else (g > 0).astype(float)


def is_consensus(boxes, data_set):
    if data_set:
        return data_set == "flickr"
    return len({box[4] for box in boxes}) > 1


# --- one map ------------------------------------------------------------------------------------


def ciou(active, g):
    inside, outside = np.sum(active * g), np.sum(active * (g == 0))
    return inside / (np.sum(g) + outside) if np.sum(g) + outside > 0 else 0.0


def minmax(x):
    return (x - x.min()) / (x.max() - x.min()) if x.max() != x.min() else x


def nth(x, n):
    return np.sort(x.flatten())[n]


def upsampled(protocol, heat, data_set):
    kind = {
        "ezvsl": "torch-linear-corners",
        "fnac": "torch-linear-corners",
        "lvs": "cv-linear",
        "ssltie": "cv-linear",
        "slavc": "torch-cubic-corners",
        "adaptive": "cv-linear" if data_set == "vggss" else "torch-linear-corners",
        "senocak": "torch-linear",
        "htf": "cv-cubic",
    }[protocol]
    return UPSAMPLE[kind](heat)


def judge(protocol, heat, g, data_set):
    """cIoU and confidence."""
    up = upsampled(protocol, heat, data_set)
    scores = (up - f4(-1)) / f4(2) if protocol == "slavc" else up
    confidence = np.sort(scores.flatten())[-(N * N) // 4 :].mean()
    half = N * N // 2
    if heat.min() == heat.max():
        return 0.0, confidence
    if protocol in ("ezvsl", "fnac", "slavc", "htf"):
        pred = minmax(scores)
        active = pred >= nth(pred, half)
    elif protocol in ("lvs", "ssltie"):
        pred = f4(1) - minmax(-up)
        active = (pred > nth(pred, half)) | (pred >= 1)
    elif protocol == "adaptive":
        pred = f4(1) - minmax(-up)
        active = pred > nth(pred, N * N - (int((g != 0).sum()) or half))
    else:
        active = minmax(up) > f4(0.5)
    return ciou(active.astype(float), g), confidence


# --- a data set ---------------------------------------------------------------------------------


def auc(values):
    values = np.array(values)
    share = np.array([np.sum(values >= 0.05 * i) / len(values) for i in range(21)])
    step = np.diff([0.05 * i for i in range(21)])
    return (step * (share[1:] + share[:-1]) / 2.0).sum()


def precision_recall(visible, cious, confidences, threshold):
    detected = confidences >= threshold
    right = int((detected & visible & (cious >= 0.5)).sum())
    found, missed = int(detected.sum()), int((~detected & visible).sum())
    return (right / found if found else 1.0), (right / (right + missed) if right + missed else 1.0)


def data_set_numbers(visible, cious, confidences):
    visible, cious = np.array(visible, bool), np.array(cious)
    confidences = np.array(confidences, f4)
    n = len(cious)
    seen = cious[visible]
    rates = [
        precision_recall(visible, cious, confidences, t)
        for t in np.sort(confidences)[:-1][:: -max(1, n // 200)]
    ]
    ap = 0.0
    for i in range(len(rates) - 1):
        ap += max(p for p, _ in rates[i:]) * (rates[i + 1][1] - rates[i][1])
    f1 = 0.0
    for t in np.sort(confidences)[:: max(1, n // 10)]:
        p, r = precision_recall(visible, cious, confidences, t)
        f1 = max(f1, 2 * r * p / (r + p) if r + p > 0 else 0.0)
    return {
        "ciou": float(np.mean(seen >= 0.5)),
        "mean_ciou": float(np.mean(seen)),
        "auc": float(auc(seen)),
        "ap": float(ap),
        "max_f1": float(f1),
        "loc_acc": float(np.mean(seen > 0.5)),
    }
