# SPDX-License-Identifier: MIT
"""What avl-extract | avl-localize do, in Python: ffmpeg, Pillow, NumPy and ONNX Runtime.

usage: peer.py GRAPHS THREADS SCORE OUT.npy CLIP
       peer.py GRAPHS THREADS SCORE OUT.npy PICTURE SOUND

SCORE is dot or class; GRAPHS is what tests/bench/peer_graphs.py made. OUT.npy gets the maps, one
for every second of the clip, at the middle of the second, or the one of a picture and its sound.
"""

import os
import subprocess
import sys

import numpy as np
import onnxruntime
from PIL import Image

SIZE, RATE_HZ, WINDOW = 448, 16000, 4 * 16000
HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)).astype(np.float32)


def ffmpeg(path, *options):
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", path, *options, "-"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=1 << 20)


def frame_size(path):
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
             "stream=width,height", "-of", "csv=p=0", path]
    return [int(part) for part in subprocess.check_output(probe).decode().split(",")[:2]]


def read_frames(path):
    """The frame on the screen at 0.5 s, 1.5 s, ..."""
    width, height = frame_size(path)
    when = "setpts=PTS-STARTPTS-0.5/TB,fps=1:round=up:start_time=0"
    process = ffmpeg(path, "-map", "0:v:0", "-vf", when, "-sws_flags",
                     "bicubic+accurate_rnd+full_chroma_int", "-f", "rawvideo", "-pix_fmt", "rgb24")
    while len(data := process.stdout.read(width * height * 3)) == width * height * 3:
        yield Image.frombuffer("RGB", (width, height), data)
    if process.wait():
        sys.exit("peer: ffmpeg could not read the video")


def read_sound(path):
    """16 bits: to floats ffmpeg mixes without a norm, and two channels come out 3 dB too loud."""
    process = ffmpeg(path, "-map", "0:a:0", "-ac", "1", "-ar", str(RATE_HZ), "-f", "s16le")
    return np.frombuffer(process.communicate()[0], "<i2").astype(np.float32) / 32768


def window_at(samples, second):
    begin = round((second + 0.5) * RATE_HZ) - WINDOW // 2
    begin = max(0, min(begin, len(samples) - WINDOW))
    return samples[begin : begin + WINDOW]


class Model:
    def __init__(self, folder, threads, score):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.image, self.sound = (
            onnxruntime.InferenceSession(os.path.join(folder, name), options,
                                         providers=["CPUExecutionProvider"])
            for name in ("image.onnx", "sound.onnx"))
        self.join, self.score = dict(np.load(os.path.join(folder, "join.npz"))), score
        self.outputs = [output.name for output in self.image.get_outputs()]

    def look(self, picture):
        """v, and the classes' shares where the score asks for them."""
        small = picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        x = (np.asarray(small, np.float32).transpose(2, 0, 1)[None] - 127) / 128
        wanted = self.outputs if self.score == "class" else self.outputs[:1]
        return self.image.run(wanted, {"x": np.ascontiguousarray(x)})

    def patches(self, samples):
        steps = max(0, -(-(len(samples) - 15600) // 7680))
        samples = np.pad(samples, (0, 15600 + 7680 * steps - len(samples)))
        frames = np.lib.stride_tricks.sliding_window_view(samples, 400)[::160]
        spectrum = np.abs(np.fft.rfft(frames * HANN, 512)).astype(np.float32)
        mel = np.log(spectrum @ self.join["mel"] + 0.001)
        return np.stack([mel[at : at + 96] for at in range(0, len(mel) - 95, 48)])[:, None]

    def listen(self, samples):
        scores = self.sound.run(None, {"x": self.patches(samples)})[0].max(axis=0)
        return np.where(scores > 0.05, scores, 0)

    def localize(self, picture, samples):
        q, seen = self.listen(samples), self.look(picture)
        v = seen[0][0]
        if self.score == "dot":
            return np.tensordot(self.join["fc2"] @ q, v, 1)
        person = np.clip(np.tensordot(self.join["person_row"], v, 1), 0, 1)
        share = np.tensordot(q @ self.join["wanted"], seen[1][0], 1)
        return share + q @ self.join["person"] * person


def main():
    model = Model(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    out, source = sys.argv[4:6]
    if len(sys.argv) > 6:
        maps = [model.localize(Image.open(source).convert("RGB"), read_sound(sys.argv[6]))]
    else:
        samples = read_sound(source)
        maps = [model.localize(picture, window_at(samples, second))
                for second, picture in enumerate(read_frames(source))]
    np.save(out, np.stack(maps))


if __name__ == "__main__":
    main()
