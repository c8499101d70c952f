#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/signal.txt: what SciPy and NumPy say of the sounds that tests/signal forms.

Needs NumPy and SciPy. usage: golden-signal.py [FILE]
"""

import math
import os
import sys

sys.dont_write_bytecode = True

import numpy as np
import scipy.signal

import goldenfile
import reference

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RATES = (
    (44100, 16000),
    (48000, 16000),
    (22050, 16000),
    (8000, 16000),
    (11025, 16000),
    (16000, 44100),
    (16000, 16001),
    (44101, 16000),
)


def sound_b(count):
    """Tone, rising tone, a hiss and an offset, at 16 kHz."""
    n = np.arange(count, dtype=np.float64)
    hiss = 0.02 * ((7 * n * n + 131 * n) % 1009 / 1009 - 0.5)
    tone = 0.05 + 0.4 * np.sin(2 * np.pi * 440 * n / 16000)
    return (tone + hiss + 0.2 * np.sin(2 * np.pi * (100 + n / 20) * n / 16000)).astype(np.float32)


def sound_c(count, rate_hz):
    """Tones at 210 Hz, 3 kHz and 0.41 of the rate."""
    t = np.arange(count, dtype=np.float64)
    parts = (0.5, 210 / rate_hz), (0.3, 3000 / rate_hz), (0.2, 0.41)
    return sum(a * np.sin(2 * np.pi * f * t) for a, f in parts).astype(np.float32)


def scipy_log(samples, overlap):
    """The logarithmic spectrogram of LVS, EZ-VSL and SLAVC, as SciPy gives it."""
    samples = samples.astype(np.float64)
    _, _, power = scipy.signal.spectrogram(samples, 16000, nperseg=512, noverlap=overlap)
    return np.log(power + 1e-7) / 12


def mel_db(samples):
    """257 mel bands of the power spectrum in dB, frames centred: SSL-TIE, torchaudio's way."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    padded = np.pad(samples.astype(np.float64), 256, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, 512)[::239]
    power = np.abs(np.fft.rfft(frames * window)) ** 2

    top = 2595 * math.log10(1 + 8000 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, 259) / 2595) - 1)
    hz = np.linspace(0, 8000, 257)[:, None]
    up = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0, np.minimum(up, down))
    return 10 * np.log10(np.maximum(power @ bank, 1e-10)).T


def taps(up, down, zeros=100, attenuation=96.0):
    """The filter of lib/signal/resample.h."""
    longest = max(up, down)
    slope = (attenuation - 7.95) / (2.285 * np.pi * 2 * zeros)
    cutoff = 1 - slope / 2
    k = np.arange(-zeros * longest, zeros * longest + 1, dtype=np.float64)
    window = np.i0(0.1102 * (attenuation - 8.7) * np.sqrt(1 - (k / k[-1]) ** 2))
    window /= np.i0(0.1102 * (attenuation - 8.7))
    return cutoff / longest * np.sinc(cutoff * k / longest) * window


def resampled(from_hz, to_hz):
    divisor = math.gcd(from_hz, to_hz)
    up, down = to_hz // divisor, from_hz // divisor
    samples = sound_c(5003, from_hz).astype(np.float64)
    return scipy.signal.resample_poly(samples, up, down, window=taps(up, down))


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, "tests/golden/signal.txt")
    tensors = [
        ("yamnet", reference.log_mel(reference.sound_a())),
        ("mel_matrix", reference.mel_matrix()),
        ("scipy_274", scipy_log(sound_b(48000), 274)),
        ("scipy_353", scipy_log(sound_b(48000), 353)),
        ("mel_db", mel_db(sound_b(12000))),
    ]
    tensors += [(f"resample_{a}_{b}", resampled(a, b)) for a, b in RATES]
    goldenfile.write(path, "Made by scripts/golden-signal.py with SciPy.", tensors)


if __name__ == "__main__":
    main()
