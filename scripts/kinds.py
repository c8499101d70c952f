# SPDX-License-Identifier: MIT
"""What scripts/learn shows and plays: kinds of things, each with pictures and sounds of it."""

import csv
import glob
import os
import subprocess

import numpy as np
from PIL import Image

import heads

TABLES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib", "share")
SIZE = 200

# Sounds below DATA/media, and the AudioSet class whose pictures show what makes them.
PAIRED = {
    "esc10/*Dog bark/*": "Dog",
    "esc10/*Baby cry/*": "Baby cry, infant cry",
    "esc10/*Clock tick/*": "Tick-tock",
    "esc10/*Person sneeze/*": "Sneeze",
    "esc10/*Helicopter/*": "Helicopter",
    "esc10/*Chainsaw/*": "Chainsaw",
    "esc10/*Rooster/*": "Chicken, rooster",
    "esc10/*Fire crackling/*": "Fire",
    "audioclip/cat_*.wav": "Cat",
    "audioclip/car_horn_*.wav": "Vehicle horn, car horn, honking",
    "audioclip/alarm_clock_*.wav": "Alarm clock",
    "audioclip/coughing_*.wav": "Cough",
}


class Kind:
    """Any of PICTURES (RGBA) goes with any of SOUNDS (samples)."""

    def __init__(self, pictures, sounds):
        self.pictures, self.sounds = pictures, sounds


def decode(program, folder, pairs):
    """The samples of each (picture, sound) of PAIRS, 16 kHz; PROGRAM is avl-extract."""
    rows, records = os.path.join(folder, "sounds.tsv"), os.path.join(folder, "sounds.tar")
    with open(rows, "w", encoding="utf-8") as file:
        for number, (picture, sound) in enumerate(pairs):
            file.write(f"i{number:05d}\t{picture}\t{sound}\t-\n")
    command = [program, "-q", "-f", "-s", "32x32", "--list", rows, "-o", records]
    subprocess.run(command, check=True)
    sounds = [sound.ravel().astype(np.float32) for sound in heads.members(records, ".audio.npy")]
    os.remove(records)
    return sounds


def pictures_of():
    """{class of sounds: the WordNet ids of what makes it}, by the default model's table."""
    with open(os.path.join(TABLES, "imagenet_classes.tsv"), encoding="utf-8") as file:
        ids = {row["imagenet_index"]: row["wnid"] for row in read_rows(file)}
    with open(os.path.join(TABLES, "audioset_to_imagenet.tsv"), encoding="utf-8") as file:
        return {
            row["audioset_name"]: [ids[i] for i in row["imagenet_index"].split(",") if i]
            for row in read_rows(file)
        }


def read_rows(file):
    return csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def cut(path):
    """The square in the middle of a photo."""
    photo = Image.open(path).convert("RGB")
    side = min(photo.size)
    x, y = (photo.width - side) // 2, (photo.height - side) // 2
    square = photo.crop((x, y, x + side, y + side)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    square.putalpha(255)
    return square


def find_pairs(media, photos):
    """[(name, photos, sounds)] of PAIRED, as far as there are any below MEDIA and among PHOTOS."""
    classes, found = pictures_of(), []
    for pattern, name in PAIRED.items():
        shown = [p for p in photos if os.path.basename(p).split("_")[0] in classes.get(name, [])]
        heard = sorted(glob.glob(os.path.join(media, pattern)))
        if shown and heard:
            found.append((name, shown, heard))
    return found


def read_pairs(read, pairs):
    """{name: Kind} of what find_pairs found; READ is decode with its first two arguments."""
    rows = [(shown[0], sound) for _, shown, heard in pairs for sound in heard]
    samples, kinds = iter(read(rows) if rows else []), {}
    for name, shown, heard in pairs:
        kinds[name] = Kind([cut(path) for path in shown], [next(samples) for _ in heard])
    return kinds
