#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/eval.txt, and holds avl-eval to the same rules on streams of your own.

usage: golden-eval.py [FILE]                       make the goldens (needs NumPy)
       golden-eval.py --packages                   hold the upsampling to torch and OpenCV
       golden-eval.py --against AVL-EVAL STREAM    all protocols on a stream with maps and boxes

The goldens are CASES maps of each protocol, formed by the shared generator (tests/eval forms them
as well): the first cIoUs and confidences, a digest of the bits of all, and the numbers of the data
set, all in hexadecimal.
"""

import io
import json
import os
import subprocess
import sys
import tarfile

sys.dont_write_bytecode = True

import numpy as np

import evaluators as ev

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES, SHOWN = 1000, 8
SIZES = (7, 7), (14, 14), (5, 9), (20, 20)
PROTOCOLS = "ezvsl", "lvs", "slavc", "fnac", "adaptive", "senocak", "ssltie", "htf"


def case(number):
    """A map, its boxes and the rule they are joined by. Every ninth case has no box."""
    rng = ev.Rng(number, 77)
    rows, cols = SIZES[rng.below(4)]
    heat = np.array([rng.uniform() - ev.f4(0.5) for _ in range(rows * cols)], ev.f4)
    # a smooth part, so that some maps are right: a bump that falls with the distance
    x, y = int(rng.below(cols)), int(rng.below(rows))
    bump = [
        ev.f4(4) / ev.f4(1 + (i % cols - x) ** 2 + (i // cols - y) ** 2) for i in range(rows * cols)
    ]
    heat = (heat + np.array(bump, ev.f4)) / ev.f4(8)
    boxes = []
    for k in range(0 if number % 9 == 8 else 1 + rng.below(3)):
        w, h = 0.2 + 0.7 * float(rng.uniform()), 0.2 + 0.7 * float(rng.uniform())
        left, top = (x + 0.5) / cols - w / 2, (y + 0.5) / rows - h / 2
        box = [left, top, left + w, top + h, float(k)]
        if rng.below(20) == 0:
            box[rng.below(4)] = -2.8823037615171174e16
        boxes.append(box)
    return heat.reshape(rows, cols), boxes, rng.below(2)


def digest(numbers):
    """FNV-1a over the little-endian bytes of doubles."""
    h = 0xCBF29CE484222325
    for byte in np.array(numbers, "<f8").tobytes():
        h = (h ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return h


def make(path):
    cases = [case(i) for i in range(CASES)]
    with open(path, "w", encoding="ascii") as file:
        file.write("# Made by scripts/golden-eval.py: the published rules in NumPy.\n")
        file.write(f"# PROTOCOL CASES DIGEST, {SHOWN} x (cIoU confidence), then the numbers of\n")
        file.write("# the data set: ciou mean_ciou auc ap max_f1 loc_acc\n")
        for protocol in PROTOCOLS:
            found = []
            for heat, boxes, consensus in cases:
                g = ev.truth_map(boxes, consensus)
                value, confidence = ev.judge(protocol, heat, g, "flickr" if consensus else "vggss")
                found.append((bool(boxes), float(value), float(confidence)))
            numbers = ev.data_set_numbers(*zip(*found))
            flat = [x for _, value, confidence in found for x in (value, confidence)]
            words = [protocol, str(CASES), f"{digest(flat):016x}"]
            words += [x.hex() for x in flat[: 2 * SHOWN]]
            words += [x.hex() for x in numbers.values()]
            file.write(" ".join(words) + "\n")
            print(protocol, numbers)


def packages():
    import cv2
    import torch

    def torch_says(mode, corners):
        return lambda x: torch.nn.functional.interpolate(
            torch.from_numpy(x)[None, None], size=(ev.N, ev.N), mode=mode, align_corners=corners
        )[0, 0].numpy()

    def cv_says(kind, ipp):
        def resize(x):
            cv2.ipp.setUseIPP(ipp)
            return cv2.resize(x, dsize=(ev.N, ev.N), interpolation=kind)

        return resize

    theirs = {
        "torch-linear-corners": torch_says("bilinear", True),
        "torch-linear": torch_says("bilinear", False),
        "torch-cubic-corners": torch_says("bicubic", True),
        "torch-cubic": torch_says("bicubic", False),
        "cv-linear": cv_says(cv2.INTER_LINEAR, True),
        "cv-cubic": cv_says(cv2.INTER_CUBIC, False),
    }
    print("torch", torch.__version__, "OpenCV", cv2.__version__)
    maps = [case(i)[0] for i in range(200)]
    bad = 0
    for name, function in theirs.items():
        differ = sum(int((function(x) != ev.UPSAMPLE[name](x)).sum()) for x in maps)
        bad += differ
        print(f"{name}: {differ} of {len(maps) * ev.N**2} values differ")
    return bad


def read_stream(path):
    """(key, seal, members) of each record."""
    members = {}
    with tarfile.open(path, "r|*") as archive:
        for entry in archive:
            key, _, suffix = entry.name.partition(".")
            data = archive.extractfile(entry).read()
            if entry.name.startswith("__avl__/"):
                continue
            if suffix != "json":
                members[suffix] = data
                continue
            yield key, json.loads(data), {
                s: np.load(io.BytesIO(b)) for s, b in members.items() if s.endswith(".npy")
            }
            members = {}


def records_of(path):
    for key, seal, members in read_stream(path):
        if "heat.npy" in members and "boxes.npy" in members and "control" not in seal:
            data_set = seal.get("truth", {}).get("from", "")
            boxes = members["boxes.npy"].tolist()
            yield key, members["heat.npy"], boxes, "" if data_set == "boxes" else data_set


def against(command, path):
    bad = 0
    records = list(records_of(path))
    for protocol in PROTOCOLS:
        run = lambda *options: subprocess.run(
            [command, "--protocol", protocol, "--json", *options, path],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        lines = [json.loads(line) for line in run("--per-record").splitlines()]
        theirs = {line["key"]: line for line in lines if "left_out" not in line}
        found = []
        for key, heat, boxes, data_set in records:
            if not boxes and protocol != "slavc":
                continue
            consensus = ev.is_consensus(boxes, data_set)
            g = ev.truth_map(boxes, consensus)
            by = data_set or ("flickr" if consensus else "vggss")
            value, confidence = ev.judge(protocol, heat, g, by)
            found.append((bool(boxes), float(value), float(confidence)))
            same = theirs[key]["ciou"] == value and theirs[key]["confidence"] == confidence
            bad += not same
        numbers = ev.data_set_numbers(*zip(*found))
        summary = json.loads(run("--resamples", "0"))
        differ = [name for name, value in numbers.items() if summary[name] != value]
        bad += len(differ) + (len(found) != summary["n"])
        print(f"{protocol}: {len(found)} records, {bad} differences so far {differ or ''}")
    return bad


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--packages"]:
        sys.exit(1 if packages() else 0)
    if arguments[:1] == ["--against"] and len(arguments) == 3:
        sys.exit(1 if against(*arguments[1:]) else 0)
    if len(arguments) > 1 or arguments[:1] and arguments[0].startswith("-"):
        sys.exit(__doc__)
    make(arguments[0] if arguments else os.path.join(TOP, "tests/golden/eval.txt"))


if __name__ == "__main__":
    main()
