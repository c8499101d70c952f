# SPDX-License-Identifier: MIT
"""One engine in a process of its own, that runs a network when it is its turn (tests/bench/peers).

usage: peer_turn.py ENGINE NETWORK MODEL THREADS INPUT

Reads lines: a number K runs the network K times and prints the milliseconds of each; a path gets the
output, planar float32. INPUT holds the input in the same form. ENGINE is one of ENGINES, NETWORK one
of peers' WORK, MODEL the file with the weights.
"""

import os
import sys
import tempfile
import time

import numpy as np

import peer_networks
import tensorfile

NETWORKS = {
    "vgg16": lambda weights: peer_networks.vgg16(weights),
    "resnet18": lambda weights: peer_networks.resnet18(weights, "image.", (3, 224, 224)),
    "resnet18-sound": lambda weights: peer_networks.resnet18(weights, "sound.", (1, 257, 300)),
    "lite0-224": lambda weights: peer_networks.lite0(weights, 224),
    "lite0-448": lambda weights: peer_networks.lite0(weights, 448),
    "yamnet": lambda weights: peer_networks.yamnet(weights),
    "soundnet": lambda weights: peer_networks.soundnet(weights, 220500),
}


def torch_engine(dtype_name, channels_last):
    def open_engine(net, threads, x):
        import torch
        torch.set_num_threads(threads)
        dtype = getattr(torch, dtype_name)
        run = peer_networks.to_torch(net, dtype)
        data = torch.from_numpy(x).to(dtype)
        if channels_last:
            data = data.contiguous(memory_format=torch.channels_last)
        return lambda: run(data).float().numpy() if dtype_name == "bfloat16" else run(data).numpy()
    return open_engine


def onnxruntime_engine(net, threads, x):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net.onnx")
        peer_networks.to_onnx(net, path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"t0": x})[0]


def openvino_engine(precision):
    def open_engine(net, threads, x):
        import openvino
        core = openvino.Core()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "net.onnx")
            peer_networks.to_onnx(net, path)
            model = core.read_model(path)
        compiled = core.compile_model(model, "CPU", {
            "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
        request.set_input_tensor(openvino.Tensor(x))

        def run():
            request.infer()
            return request.get_output_tensor().data
        return run
    return open_engine


def ncnn_engine(bf16):
    def open_engine(net, threads, x):
        import ncnn
        model = ncnn.Net()
        model.opt.num_threads = threads
        model.opt.use_bf16_storage = bf16
        folder = tempfile.mkdtemp()
        path = os.path.join(folder, "net")
        peer_networks.to_ncnn(net, path)
        model.load_param(path + ".param")
        model.load_model(path + ".bin")
        for suffix in (".param", ".bin"):
            os.remove(path + suffix)
        os.rmdir(folder)
        data, out = ncnn.Mat(x[0]), f"t{len(net.steps)}"

        def run():
            extractor = model.create_extractor()
            extractor.input("t0", data)
            return extractor.extract(out)[1]
        return run
    return open_engine


def mnn_engine(net, threads, x):
    import _tools  # MNN.tools.mnnconvert is this, but installs a package of its own first
    import MNN
    import MNN.expr
    import MNN.nn
    with tempfile.TemporaryDirectory() as folder:
        graph, path = (os.path.join(folder, name) for name in ("net.onnx", "net.mnn"))
        peer_networks.to_onnx(net, graph)
        _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", graph, "--MNNModel", path,
                           "--bizCode", "x"])
        manager = MNN.nn.create_runtime_manager(({"numThread": threads, "backend": "CPU"},))
        model = MNN.nn.load_module_from_file(path, ["t0"], [f"t{len(net.steps)}"],
                                             runtime_manager=manager)
    data = MNN.expr.const(x.ravel().tolist(), list(x.shape), MNN.expr.NCHW)

    def run():
        out = MNN.expr.convert(model.forward(data), MNN.expr.NCHW)
        return out.read()
    return run


ENGINES = {
    "exact": torch_engine("float64", False),
    "torch": torch_engine("float32", False),
    "torch-cl": torch_engine("float32", True),
    "torch-bf16": torch_engine("bfloat16", True),
    "onnxruntime": onnxruntime_engine,
    "openvino": openvino_engine("f32"),
    "openvino-bf16": openvino_engine("bf16"),
    "ncnn": ncnn_engine(False),
    "ncnn-bf16": ncnn_engine(True),
    "mnn": mnn_engine,
}


def main():
    engine, network, model, threads, source = sys.argv[1:]
    # Some engines talk on standard output.
    answers, null = os.fdopen(os.dup(1), "w"), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    weights, _ = tensorfile.read(model)
    net = NETWORKS[network](weights)
    x = np.fromfile(source, np.float32).reshape(1, *net.shape)
    run = ENGINES[engine](net, int(threads), x)
    del weights, net
    for line in sys.stdin:
        word = line.strip()
        if not word.isdigit():
            np.asarray(run()).astype(np.float64 if engine == "exact" else np.float32).tofile(word)
            print("written", file=answers, flush=True)
            continue
        times = []
        for _ in range(int(word)):
            begin = time.perf_counter()
            run()
            times.append(f"{1e3 * (time.perf_counter() - begin):.4f}")
        print(*times, file=answers, flush=True)


if __name__ == "__main__":
    main()
