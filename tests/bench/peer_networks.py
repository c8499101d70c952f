# SPDX-License-Identifier: MIT
"""The networks as lists of steps, for the engines that avl is timed beside: batch norms folded, every
step with its weights and its activation, in a form that PyTorch, ONNX and ncnn can be given.

A step is a Step; the tensors it reads are named by numbers, 0 being the input (c, h, w). Padding is
(top, left, bottom, right).
"""

import dataclasses
import os
import sys

import numpy as np

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))
import reference  # noqa: E402

RELU, RELU6 = (0, np.inf), (0, 6)


@dataclasses.dataclass
class Step:
    kind: str  # conv, maxpool, add, mean, max
    inputs: tuple
    shape: tuple  # (c, h, w) of the output
    act: tuple = None  # limits
    weight: np.ndarray = None
    bias: np.ndarray = None
    kernel: tuple = None
    stride: tuple = None
    pad: tuple = None
    groups: int = 1


class Net:
    """Steps and the weights they are made from: names as avl-model(5) has them, behind PREFIX."""

    def __init__(self, weights, prefix, shape):
        self.weights, self.prefix, self.shape, self.steps = weights, prefix, shape, []

    def size(self, x):
        return self.steps[x - 1].shape if x else self.shape

    def add_step(self, *args, **more):
        self.steps.append(Step(*args, **more))
        return len(self.steps)

    def tensor(self, name):
        return self.weights[self.prefix + name].astype(np.float64)

    def window(self, x, kernel, stride, pad):
        """Padding, rows and columns; PAD None: TensorFlow's SAME."""
        _, h, w = self.size(x)
        if pad is None:
            rows, cols = (reference.same_padding(n, k, s)
                          for n, k, s in zip((h, w), kernel, stride))
            pad = rows[0], cols[0], rows[1], cols[1]
        else:
            pad = pad * 2
        return (pad, (h + pad[0] + pad[2] - kernel[0]) // stride[0] + 1,
                (w + pad[1] + pad[3] - kernel[1]) // stride[1] + 1)

    def conv(self, x, name, norm=None, eps=None, stride=(1, 1), pad=None, act=None):
        weight = self.tensor(name + ".weight")
        bias = (self.tensor(name + ".bias") if self.prefix + name + ".bias" in self.weights
                else np.zeros(len(weight)))
        if norm:
            scale = 1 / np.sqrt(self.tensor(norm + ".running_var") + eps)
            if self.prefix + norm + ".weight" in self.weights:
                scale = scale * self.tensor(norm + ".weight")
            weight = weight * scale[:, None, None, None]
            bias = (bias - self.tensor(norm + ".running_mean")) * scale + self.tensor(norm + ".bias")
        kernel, channels = weight.shape[2:], self.size(x)[0]
        if kernel[0] != 1 and self.size(x)[1] == 1:  # SoundNet's port has time run down
            weight, kernel = weight.transpose(0, 1, 3, 2), kernel[::-1]
        pad, h, w = self.window(x, kernel, stride, pad)
        return self.add_step("conv", (x,), (len(weight), h, w), act,
                             np.ascontiguousarray(weight, np.float32), bias.astype(np.float32),
                             tuple(kernel), stride, pad, channels // weight.shape[1])

    def maxpool(self, x, kernel, stride, pad):
        pad, h, w = self.window(x, kernel, stride, pad)
        return self.add_step("maxpool", (x,), (self.size(x)[0], h, w), None, None, None, kernel,
                             stride, pad)

    def add(self, x, y, act=None):
        return self.add_step("add", (x, y), self.size(x), act)

    def pooled(self, kind, x, act=None):
        return self.add_step(kind, (x,), (self.size(x)[0], 1, 1), act)


def vgg16(weights, side=320):
    net, x = Net(weights, "image.", (3, side, side)), 0
    pools = (4, 9, 16, 23)
    for number in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28):
        if number - 1 in pools:
            x = net.maxpool(x, (2, 2), (2, 2), (0, 0))
        x = net.conv(x, f"features.{number}", pad=(1, 1), act=None if number == 28 else RELU)
    return net


def resnet18(weights, prefix, shape):
    net = Net(weights, prefix, shape)

    def layer(x, name, norm, kernel, stride, act):
        pad = kernel // 2
        return net.conv(x, name, norm, 1e-5, (stride, stride), (pad, pad), act)

    x = net.maxpool(layer(0, "conv1", "bn1", 7, 2, RELU), (3, 3), (2, 2), (1, 1))
    for stage in range(1, 5):
        for block in range(2):
            name, stride = f"layer{stage}.{block}.", 2 if stage > 1 and not block else 1
            inside = layer(x, name + "conv1", name + "bn1", 3, stride, RELU)
            if stride == 2:
                x = layer(x, name + "downsample.0", name + "downsample.1", 1, 2, None)
            x = net.add(layer(inside, name + "conv2", name + "bn2", 3, 1, None), x, RELU)
    if prefix == "sound.":
        net.pooled("max", x)
    return net


def lite0(weights, side):
    net, eps = Net(weights, "image.", (3, side, side)), reference.LITE0_EPS
    x = net.conv(0, "_conv_stem", "_bn0", eps, (2, 2), act=RELU6)
    block = 0
    for repeats, _, stride, expand, _ in reference.LITE0_ROWS:
        for i in range(repeats):
            name, inside, step = f"_blocks.{block}.", x, 1 if i else stride
            if expand > 1:
                inside = net.conv(inside, name + "_expand_conv", name + "_bn0", eps, act=RELU6)
            inside = net.conv(inside, name + "_depthwise_conv", name + "_bn1", eps, (step, step),
                              act=RELU6)
            inside = net.conv(inside, name + "_project_conv", name + "_bn2", eps)
            x = net.add(inside, x) if i else inside
            block += 1
    net.conv(x, "_conv_head", "_bn1", eps, act=RELU6)
    return net


def yamnet(weights):
    net, eps = Net(weights, "sound.", (1, 96, 64)), reference.YAMNET_EPS

    def layer(x, name, stride=1):
        return net.conv(x, name, name + ".bn", eps, (stride, stride), act=RELU)

    x = layer(0, "layer1.conv", 2)
    for number, stride in enumerate(reference.YAMNET_STRIDES, 2):
        x = layer(x, f"layer{number}.depthwise_conv", stride)
        x = layer(x, f"layer{number}.pointwise_conv")
    net.pooled("mean", x)
    return net


def soundnet(weights, samples):
    """Taps, padding and pool of each layer; Aytar et al. 2016."""
    rows = (64, 32, 8), (32, 16, 8), (16, 8, 0), (8, 4, 0), (4, 2, 4), (4, 2, 0), (4, 2, 0)
    net, x = Net(weights, "sound.", (1, 1, samples)), 0
    for number, (_, pad, pool) in enumerate(rows, 1):
        x = net.conv(x, f"conv{number}.0", f"conv{number}.1", 1e-5, (1, 2), (0, pad), RELU)
        if pool:
            x = net.maxpool(x, (1, pool), (1, pool), (0, 0))
    net.pooled("mean", net.conv(x, "conv8.0", stride=(1, 2), pad=(0, 0)), RELU)
    return net


# --- what the engines are given ----------------------------------------------------------------------


def to_torch(net, dtype):
    """A function from a batch (n, c, h, w) to the last step's output."""
    import torch
    import torch.nn.functional as F

    def tensor(array):
        return None if array is None else torch.from_numpy(array).to(dtype)

    steps = [(step, tensor(step.weight), tensor(step.bias)) for step in net.steps]

    def convolve(step, x, weight, bias):
        top, left, bottom, right = step.pad
        if (top, left) == (bottom, right):
            return F.conv2d(x, weight, bias, step.stride, (top, left), groups=step.groups)
        return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, step.stride,
                        groups=step.groups)

    @torch.no_grad()
    def run(x):
        values = [x]
        for step, weight, bias in steps:
            x = values[step.inputs[0]]
            if step.kind == "conv":
                y = convolve(step, x, weight, bias)
            elif step.kind == "maxpool":
                y = F.max_pool2d(x, step.kernel, step.stride, step.pad[:2])
            elif step.kind == "add":
                y = x + values[step.inputs[1]]
            elif step.kind == "mean":
                y = x.mean(dim=(2, 3), keepdim=True)
            else:
                y = x.amax(dim=(2, 3), keepdim=True)
            if step.act == RELU:
                y = F.relu_(y)
            elif step.act:
                y = F.hardtanh_(y, *step.act)
            values.append(y)
        return y

    return run


def to_onnx(net, path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], []

    def constant(array):
        constants.append(numpy_helper.from_array(np.asarray(array, np.float32),
                                                 f"c{len(constants)}"))
        return constants[-1].name

    for number, step in enumerate(net.steps, 1):
        inputs, out = [f"t{i}" for i in step.inputs], f"t{number}"
        name = out + "_raw" if step.act else out
        if step.kind == "conv":
            inputs += [constant(step.weight), constant(step.bias)]
            nodes.append(helper.make_node("Conv", inputs, [name], strides=step.stride,
                                          pads=step.pad, group=step.groups))
        elif step.kind == "maxpool":
            nodes.append(helper.make_node("MaxPool", inputs, [name], kernel_shape=step.kernel,
                                          strides=step.stride, pads=step.pad))
        else:
            kind = {"add": "Add", "mean": "GlobalAveragePool", "max": "GlobalMaxPool"}[step.kind]
            nodes.append(helper.make_node(kind, inputs, [name]))
        if step.act == RELU:
            nodes.append(helper.make_node("Relu", [name], [out]))
        elif step.act:
            nodes.append(helper.make_node("Clip", [name, *map(constant, step.act)], [out]))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "net", [value("t0", TensorProto.FLOAT, [1, *net.shape])],
                              [value(out, TensorProto.FLOAT, [1, *net.steps[-1].shape])],
                              constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def to_ncnn(net, path):
    """PATH.param and PATH.bin, as ncnn's wiki describes them."""
    uses = [sum(step.inputs.count(i) for step in net.steps) for i in range(len(net.steps) + 1)]
    handed = [0] * len(uses)
    lines, blobs = [], 0
    _, h, w = net.shape

    def layer(kind, inputs, outputs, *options):
        nonlocal blobs
        blobs += len(outputs)
        words = [f"{kind:16s} l{len(lines)}", str(len(inputs)), str(len(outputs)), *inputs,
                 *outputs, *(f"{key}={value}" for key, value in options)]
        lines.append(" ".join(words))

    def publish(number):
        """A blob may be read once; one that is wanted twice goes through Split."""
        if uses[number] > 1:
            layer("Split", [f"t{number}"], [f"t{number}_{i}" for i in range(uses[number])])

    def take(number):
        handed[number] += 1
        return f"t{number}_{handed[number] - 1}" if uses[number] > 1 else f"t{number}"

    def window(step):
        pad = step.pad
        return [(1, step.kernel[1]), (11, step.kernel[0]), (3, step.stride[1]),
                (13, step.stride[0]), (4, pad[1]), (15, pad[3]), (14, pad[0]), (16, pad[2])]

    layer("Input", [], ["t0"], (0, w), (1, h), (2, net.shape[0]))
    publish(0)
    with open(path + ".bin", "wb") as file:
        for number, step in enumerate(net.steps, 1):
            inputs = [take(i) for i in step.inputs]
            act = [(9, 1)] if step.act == RELU else [(9, 3), (-23310, "2,0,6")] if step.act else []
            if step.kind == "conv":
                kind = "ConvolutionDepthWise" if step.groups > 1 else "Convolution"
                groups = [(7, step.groups)] if step.groups > 1 else []
                layer(kind, inputs, [f"t{number}"], (0, step.shape[0]), *window(step), (5, 1),
                      (6, step.weight.size), *groups, *act)
                file.write(b"\0\0\0\0" + step.weight.tobytes() + step.bias.tobytes())
            elif step.kind == "maxpool":
                pad = step.pad
                layer("Pooling", inputs, [f"t{number}"], (0, 0), (1, step.kernel[1]),
                      (11, step.kernel[0]), (2, step.stride[1]), (12, step.stride[0]),
                      (3, pad[1]), (14, pad[3]), (13, pad[0]), (15, pad[2]), (5, 1))
            else:
                name = f"t{number}_raw" if step.act else f"t{number}"
                if step.kind == "add":
                    layer("BinaryOp", inputs, [name], (0, 0))
                else:
                    layer("Pooling", inputs, [name], (0, int(step.kind == "mean")), (4, 1))
                if step.act:
                    layer("ReLU", [name], [f"t{number}"])
            publish(number)
    with open(path + ".param", "w", encoding="ascii") as file:
        file.write(f"7767517\n{len(lines)} {blobs}\n" + "\n".join(lines) + "\n")
