# SPDX-License-Identifier: MIT
"""Writes the default model as two ONNX graphs, for tests/bench/peer.py.

usage: peer_graphs.py MODEL DIR

DIR/image.onnx takes (1, 3, 448, 448) to v (1, 1280, 14, 14) and the shares of the classifier's
classes at every position; DIR/sound.onnx takes patches (n, 1, 96, 64) to scores (n, 521). Batch
norms are folded into the convolutions. What stands behind the graphs goes to DIR/join.npz.
"""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))
import reference  # noqa: E402
import tensorfile  # noqa: E402


class Graph:
    """Nodes in a row, each fed by the one before unless told otherwise."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], []

    def constant(self, array):
        name = f"c{len(self.constants)}"
        array = np.ascontiguousarray(array, np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind, *inputs, **attributes):
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def conv(self, x, name, norm, eps, stride=1):
        """A convolution with its batch norm folded in."""
        weight = self.weights[name + ".weight"].astype(np.float64)
        scale = 1 / np.sqrt(self.weights[norm + ".running_var"].astype(np.float64) + eps)
        scale = scale * self.weights.get(norm + ".weight", 1)
        shift = self.weights[norm + ".bias"] - self.weights[norm + ".running_mean"] * scale
        inputs = self.constant(weight * scale[:, None, None, None]), self.constant(shift)
        depthwise = weight.shape[1] == 1 and weight.shape[0] > 1 and name[-14:] == "depthwise_conv"
        groups = weight.shape[0] if depthwise else 1
        return self.node("Conv", x, *inputs, group=groups, strides=[stride, stride],
                         kernel_shape=weight.shape[2:], auto_pad="SAME_UPPER")

    def save(self, path, shape, outputs):
        tensor = helper.make_tensor_value_info
        body = helper.make_graph(
            self.nodes, "net", [tensor("x", TensorProto.FLOAT, shape)],
            [tensor(name, TensorProto.FLOAT, size) for name, size in outputs], self.constants)
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def image_graph(weights, path):
    g = Graph(weights)
    limits = g.constant(0), g.constant(6)

    def layer(x, name, norm, stride=1):
        return g.conv(x, "image." + name, "image." + norm, reference.LITE0_EPS, stride)

    def relu6(x):
        return g.node("Clip", x, *limits)

    x = relu6(layer("x", "_conv_stem", "_bn0", 2))
    block = 0
    for repeats, _, stride, expand, _ in reference.LITE0_ROWS:
        for i in range(repeats):
            name, inside = f"_blocks.{block}.", x
            if expand > 1:
                inside = relu6(layer(inside, name + "_expand_conv", name + "_bn0"))
            step = 1 if i else stride
            inside = relu6(layer(inside, name + "_depthwise_conv", name + "_bn1", step))
            inside = layer(inside, name + "_project_conv", name + "_bn2")
            x = g.node("Add", x, inside) if i else inside
            block += 1
    v = relu6(layer(x, "_conv_head", "_bn1"))
    weight = weights["image._fc.weight"][:, :, None, None]
    logits = g.node("Conv", v, g.constant(weight), g.constant(weights["image._fc.bias"]))
    share = g.node("Softmax", logits, axis=1)
    size = reference.FRAME_SIZE
    g.save(path, [1, 3, size, size], [(v, [1, 1280, 14, 14]), (share, [1, 1000, 14, 14])])


def sound_graph(weights, path):
    g = Graph(weights)

    def layer(x, name, stride=1):
        return g.node("Relu", g.conv(x, name, name + ".bn", reference.YAMNET_EPS, stride))

    x = layer("x", "sound.layer1.conv", 2)
    for number, stride in enumerate(reference.YAMNET_STRIDES, 2):
        x = layer(x, f"sound.layer{number}.depthwise_conv", stride)
        x = layer(x, f"sound.layer{number}.pointwise_conv")
    f_s = g.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    weight, bias = (g.constant(weights["sound_fc1." + part]) for part in ("weight", "bias"))
    scores = g.node("Sigmoid", g.node("Gemm", f_s, weight, bias, transB=1))
    g.save(path, ["n", 1, 96, 64], [(scores, ["n", 521])])


def main():
    weights, _ = tensorfile.read(sys.argv[1])
    image_graph(weights, os.path.join(sys.argv[2], "image.onnx"))
    sound_graph(weights, os.path.join(sys.argv[2], "sound.onnx"))
    wanted = np.zeros((521, 1000), np.float32)
    for c, i in weights["class_map.pairs"]:
        wanted[c, i] += weights["class_map.weight"][c]
    np.savez(os.path.join(sys.argv[2], "join.npz"), mel=reference.mel_matrix().astype(np.float32),
             fc2=weights["sound_fc2.weight"].astype(np.float32), wanted=wanted,
             person=weights["class_map.person"], person_row=weights["class_map.person_row"])


if __name__ == "__main__":
    main()
