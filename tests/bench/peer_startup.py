# SPDX-License-Identifier: MIT
"""What tests/bench/startup times: one picture and its sound through two ResNet-18, as a user of the
library would write it.

usage: peer_startup.py prepare FOLDER MODEL STREAM: makes what the others read
       peer_startup.py onnxruntime|pytorch FOLDER
"""

import os
import sys

import numpy as np

MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def prepare(folder, model, stream):
    import io
    import tarfile

    here = os.path.dirname(os.path.abspath(__file__))
    sys.dont_write_bytecode = True
    sys.path[:0] = [here, os.path.join(here, "../../scripts")]
    import peer_networks
    import tensorfile
    import torch
    import torchvision

    weights = tensorfile.read(model)[0]
    for prefix, shape in (("image.", (3, 224, 224)), ("sound.", (1, 257, 300))):
        net = peer_networks.resnet18(weights, prefix, shape)
        peer_networks.to_onnx(net, os.path.join(folder, prefix + "onnx"))
        torch.save(torchvision.models.resnet18().state_dict(), os.path.join(folder, prefix + "pt"))
    with tarfile.open(stream) as tar:
        for member in tar.getmembers():
            for name in ("frame.npy", "audio.npy"):
                if member.name.endswith("." + name):
                    array = np.load(io.BytesIO(tar.extractfile(member).read()))
                    np.save(os.path.join(folder, name), array)


def read_inputs(folder):
    frame = np.load(os.path.join(folder, "frame.npy"))
    sound = np.load(os.path.join(folder, "audio.npy"))
    rows = np.arange(224) * frame.shape[0] // 224
    columns = np.arange(224) * frame.shape[1] // 224
    picture = (frame[rows][:, columns].astype(np.float32) - MEAN) / DEVIATION
    picture = picture.transpose(2, 0, 1)[None].astype(np.float32)
    sound = np.resize(sound, 299 * 156 + 512)
    pieces = np.lib.stride_tricks.sliding_window_view(sound, 512)[::156][:300]
    power = abs(np.fft.rfft(pieces * np.hanning(512).astype(np.float32))) ** 2
    spectrum = np.log(power.T + 1e-7).astype(np.float32)[None, None]
    return picture, spectrum


def with_onnxruntime(folder):
    import onnxruntime

    picture, spectrum = read_inputs(folder)
    outputs = []
    for name, values in (("image.onnx", picture), ("sound.onnx", spectrum)):
        session = onnxruntime.InferenceSession(os.path.join(folder, name),
                                               providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0]
        outputs.append(session.run(None, {entry.name: values.reshape(
            [size if isinstance(size, int) else -1 for size in entry.shape])})[0])
    return outputs


def with_pytorch(folder):
    import torch
    import torchvision

    picture, spectrum = read_inputs(folder)
    outputs = []
    with torch.inference_mode():
        for name, values in (("image.pt", picture), ("sound.pt", spectrum)):
            net = torchvision.models.resnet18()
            net.load_state_dict(torch.load(os.path.join(folder, name)))
            net.eval()
            net.fc = torch.nn.Identity()
            if name == "image.pt":
                net.avgpool = torch.nn.Identity()
            else:
                net.conv1.weight = torch.nn.Parameter(net.conv1.weight[:, :1].clone())
                net.conv1.in_channels = 1
            outputs.append(net(torch.from_numpy(values)).numpy())
    outputs[0] = outputs[0].reshape(1, 512, 7, 7)
    return outputs


def main():
    mode, folder = sys.argv[1:3]
    if mode == "prepare":
        prepare(folder, *sys.argv[3:5])
        return
    seen, heard = with_onnxruntime(folder) if mode == "onnxruntime" else with_pytorch(folder)
    seen, heard = seen.reshape(512, -1), heard.reshape(512)
    heat = heard @ seen / np.linalg.norm(heard) / np.linalg.norm(seen, axis=0)
    print(heat.reshape(7, 7).argmax())


if __name__ == "__main__":
    main()
