# SPDX-License-Identifier: MIT
"""What avl-train has learnt, in NumPy: the layers of a checkpoint and the maps they make."""

import io
import json
import sys
import tarfile

import numpy as np

import reference
import tensorfile


def members(path, suffix):
    """The arrays of that name in a stream of records, in their order."""
    with tarfile.open(path) as stream:
        for member in stream:
            if member.name.endswith(suffix):
                yield np.load(io.BytesIO(stream.extractfile(member).read()))


class Model:
    """Scores features of avl-embed as avl-localize does; SCORE if not as the checkpoint says."""

    def __init__(self, path, score=None):
        self.weights, metadata = tensorfile.read(path)
        contract = json.loads(metadata["avl.contract"])
        self.head, self.score = contract["head"], score or contract["score"]
        self.layers = {
            name: array.astype(np.float32)
            for name, array in self.weights.items()
            if name.startswith("sound_fc")
        }

    def listen(self, f_s):
        """q of a sound's patches."""
        u = f_s @ self.layers["sound_fc1.weight"].T + self.layers["sound_fc1.bias"]
        if self.head["activation"] == "sigmoid":
            u = reference.sigmoid(u)
        elif self.head["activation"] == "relu":
            u = np.maximum(u, 0)
        else:
            sys.exit(f"heads: an activation of {self.head['activation']} was not foreseen")
        if self.head["floor"] > 0:
            u = np.where(u > self.head["floor"], u, 0)
        return u.mean(0) if self.head["pool"] == "mean" else u.max(0)

    def map(self, v, f_s):
        q = self.listen(f_s)
        if self.score == "class":
            return reference.score_class(self.weights, q, v)
        h = self.layers["sound_fc2.weight"] @ q + self.layers.get("sound_fc2.bias", 0)
        if self.head.get("layers", 2) == 3:
            h = self.layers["sound_fc3.weight"] @ np.maximum(h, 0)
            h = h + self.layers.get("sound_fc3.bias", 0)
        if self.score == "cosine":
            return reference.score_cosine(h, v)
        score = reference.score_dot(h, v)
        return np.maximum(score, 0) if self.score == "relu" else score
