#!/usr/bin/env python3
"""Turns a TensorFlow.js graph model (model.json and its weights) into an ONNX file.

TensorFlow lays images out as height, width, channel; ONNX as channel, height, width. Every tensor is
therefore carried in the second layout from the start: weights are transposed once here, and axes are
renumbered, so that the ONNX graph holds no Transpose. Only the operations that the converted models
use are known; any other ends with its name.
"""

import argparse
import base64
import json
import math
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
IR_VERSION = 7
NCHW_AXIS = {0: 0, 1: 2, 2: 3, 3: 1}  # where each NHWC axis lies in NCHW


class ConversionError(Exception):
    """The input is not a model that this script can convert; the message says why."""


def read_model(path):
    """Returns the nodes by name and the weights by name. Weights stored as float16 stay so."""
    try:
        model = json.loads(path.read_text())
        nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
        groups = model["weightsManifest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConversionError(f"{path}: not a TensorFlow.js graph model ({error})") from error
    weights = {}
    for group in groups:
        blob = b"".join(read_bytes(path.parent / name) for name in group["paths"])
        offset = 0
        for weight in group["weights"]:
            dtype = weight_dtype(weight)
            count = math.prod(weight["shape"])
            if offset + count * dtype.itemsize > len(blob):
                raise ConversionError(f"{path}: the weight files end inside {weight['name']}")
            flat = np.frombuffer(blob, dtype, count, offset)
            weights[weight["name"]] = flat.reshape(weight["shape"])
            offset += count * dtype.itemsize
        if offset != len(blob):
            raise ConversionError(f"{path}: {len(blob) - offset} bytes of weights are left over")
    return nodes, weights


def read_bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConversionError(f"cannot read the weights: {error}") from error


def weight_dtype(weight):
    quantized = weight.get("quantization", {}).get("dtype")
    if quantized == "float16":
        return np.dtype("<f2")
    known = {"float32": "<f4", "int32": "<i4"}
    if quantized or weight["dtype"] not in known:
        raise ConversionError(f"{weight['name']}: weights of type {quantized or weight['dtype']}")
    return np.dtype(known[weight["dtype"]])


def tensor_name(reference):
    """The node that an input refers to: 'conv:0' and '^conv' both mean 'conv'."""
    return reference.split(":")[0].lstrip("^")


def in_order(nodes, outputs):
    """The nodes that the outputs need, each after its inputs."""
    order, seen = [], set()
    stack = [(name, False) for name in reversed(outputs)]
    while stack:
        name, inputs_done = stack.pop()
        if inputs_done:
            order.append(nodes[name])
            continue
        if name in seen:
            continue
        if name not in nodes:
            raise ConversionError(f"the model has no node {name}")
        seen.add(name)
        stack.append((name, True))
        for reference in reversed(nodes[name].get("input", [])):
            stack.append((tensor_name(reference), False))
    return order


def text(attribute):
    return base64.b64decode(attribute["s"]).decode()


def spatial(attribute):
    """Height and width of a strides or dilations attribute."""
    return [int(value) for value in attribute["list"]["i"]][1:3]


def same_padding(size, kernel, stride, dilation):
    """TensorFlow's SAME: output size, padding before, padding after (the odd pixel goes after)."""
    output = -(-size // stride)
    total = max((output - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return output, total // 2, total - total // 2


class Graph:
    """The ONNX graph being built. `shapes` holds each tensor's shape as N, C, H, W."""

    def __init__(self, weights):
        self.weights = weights
        self.nodes, self.initializers, self.inputs = [], [], []
        self.shapes, self._constants = {}, set()

    def constant(self, name, array):
        """A constant tensor by this name, once; float16 is stored and cast on loading."""
        if name in self._constants:
            return name
        self._constants.add(name)
        array = np.ascontiguousarray(array)
        if array.dtype == np.float16:
            self.initializers.append(numpy_helper.from_array(array, f"{name}/float16"))
            self.emit("Cast", [f"{name}/float16"], name, to=TensorProto.FLOAT)
        else:
            self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def emit(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    def operand(self, name):
        """An operand of an elementwise operation, constants in the layout of the tensors."""
        if name not in self.weights:
            return name
        array = self.weights[name]
        if array.ndim == 1 and array.size > 1:
            array = array.reshape(-1, 1, 1)
        elif array.ndim == 4:
            array = array.transpose(0, 3, 1, 2)
        return self.constant(name, array)

    def activation(self, kind, source, output):
        if kind == "Relu6":
            zero = self.constant("zero", np.float32(0))
            six = self.constant("six", np.float32(6))
            self.emit("Clip", [source, zero, six], output)
        elif kind in ("Relu", "Sigmoid"):
            self.emit(kind, [source], output)
        else:
            raise ConversionError(f"{output}: activation {kind}")


def add_input(graph, node, _inputs):
    size = [int(dim["size"]) for dim in node["attr"]["shape"]["shape"]["dim"]]
    if len(size) != 4:
        raise ConversionError(f"{node['name']}: an input of {len(size)} dimensions is no image")
    shape = (size[0], size[3], size[1], size[2])
    graph.shapes[node["name"]] = shape
    graph.inputs.append(helper.make_tensor_value_info(node["name"], TensorProto.FLOAT, shape))


def add_convolution(graph, node, inputs):
    name, attributes = node["name"], node["attr"]
    weights = graph.weights[inputs[1]]
    kernel = weights.shape[:2]
    strides, dilations = spatial(attributes["strides"]), spatial(attributes["dilations"])
    batch, channels, *size = graph.shapes[inputs[0]]
    if text(attributes["padding"]) == "SAME":
        output, before, after = zip(*map(same_padding, size, kernel, strides, dilations))
    else:
        output = [(s - (k - 1) * d - 1) // t + 1
                  for s, k, t, d in zip(size, kernel, strides, dilations)]
        before = after = (0, 0)
    if "Depthwise" in node["op"]:
        weights = weights.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel)
        groups = channels
    else:
        weights = weights.transpose(3, 2, 0, 1)
        groups = 1

    fused = [base64.b64decode(word).decode()
             for word in attributes.get("fused_ops", {}).get("list", {}).get("s", [])]
    operands = [inputs[0], graph.constant(inputs[1], weights)]
    if "BiasAdd" in fused:
        operands.append(graph.constant(inputs[2], graph.weights[inputs[2]]))
    activations = [word for word in fused if word != "BiasAdd"]
    result = f"{name}/linear" if activations else name
    graph.emit("Conv", operands, result, kernel_shape=kernel, strides=strides,
               dilations=dilations, pads=[*before, *after], group=groups)
    for kind in activations:
        graph.activation(kind, result, name)
    graph.shapes[name] = (batch, weights.shape[0], *output)


def add_elementwise(graph, node, inputs):
    kind = {"AddV2": "Add"}.get(node["op"], node["op"])
    graph.emit(kind, [graph.operand(i) for i in inputs], node["name"])
    tensors = [graph.shapes[i] for i in inputs if i in graph.shapes]
    graph.shapes[node["name"]] = tuple(np.broadcast_shapes(*tensors))


def add_activation(graph, node, inputs):
    graph.activation(node["op"], inputs[0], node["name"])
    graph.shapes[node["name"]] = graph.shapes[inputs[0]]


def add_identity(graph, node, inputs):
    graph.emit("Identity", [inputs[0]], node["name"])
    graph.shapes[node["name"]] = graph.shapes[inputs[0]]


def add_mean(graph, node, inputs):
    axes = sorted(NCHW_AXIS[int(axis) % 4] for axis in graph.weights[inputs[1]].ravel())
    if axes != [2, 3]:
        raise ConversionError(f"{node['name']}: a mean over other axes than height and width")
    graph.emit("GlobalAveragePool", [inputs[0]], node["name"])
    graph.shapes[node["name"]] = (*graph.shapes[inputs[0]][:2], 1, 1)


def add_concat(graph, node, inputs):
    *parts, axis = inputs
    if int(graph.weights[axis]) not in (3, -1):
        raise ConversionError(f"{node['name']}: a concatenation along other than the channels")
    graph.emit("Concat", parts, node["name"], axis=1)
    batch, _, height, width = graph.shapes[parts[0]]
    channels = sum(graph.shapes[part][1] for part in parts)
    graph.shapes[node["name"]] = (batch, channels, height, width)


def add_resize(graph, node, inputs):
    batch, channels, height, width = graph.shapes[inputs[0]]
    target = [int(value) for value in graph.weights[inputs[1]]]
    scales = np.array([1, 1, target[0] / height, target[1] / width], np.float32)
    graph.emit("Resize", [inputs[0], "", graph.constant(f"{node['name']}/scales", scales)],
               node["name"], mode="linear", coordinate_transformation_mode="asymmetric")
    graph.shapes[node["name"]] = (batch, channels, *target)


CONVERTERS = {
    "Const": lambda graph, node, inputs: None,
    "Placeholder": add_input,
    "Conv2D": add_convolution,
    "_FusedConv2D": add_convolution,
    "DepthwiseConv2dNative": add_convolution,
    "FusedDepthwiseConv2dNative": add_convolution,
    "Add": add_elementwise,
    "AddV2": add_elementwise,
    "Sub": add_elementwise,
    "Mul": add_elementwise,
    "Relu": add_activation,
    "Relu6": add_activation,
    "Sigmoid": add_activation,
    "Identity": add_identity,
    "Mean": add_mean,
    "ConcatV2": add_concat,
    "ResizeBilinear": add_resize,
}


def convert(nodes, weights, outputs, name):
    graph = Graph(weights)
    for node in in_order(nodes, outputs):
        converter = CONVERTERS.get(node["op"])
        if converter is None:
            raise ConversionError(f"{node['name']}: operation {node['op']} is not known to me")
        converter(graph, node, [tensor_name(i) for i in node.get("input", [])])
    results = [helper.make_tensor_value_info(output, TensorProto.FLOAT, graph.shapes[output])
               for output in outputs]
    model = helper.make_model(
        helper.make_graph(graph.nodes, name, graph.inputs, results, graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)], producer_name="sluice tfjs2onnx")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model, {output: graph.shapes[output] for output in outputs}


def main():
    parser = argparse.ArgumentParser(
        description="Turn a TensorFlow.js graph model of an image network into ONNX (NCHW).")
    parser.add_argument("model", type=pathlib.Path, help="model.json; its weights lie beside it")
    parser.add_argument("onnx", type=pathlib.Path, help="the file to write")
    parser.add_argument("--outputs", required=True, help="names of the output nodes, by commas")
    arguments = parser.parse_args()
    try:
        nodes, weights = read_model(arguments.model)
        model, shapes = convert(nodes, weights, arguments.outputs.split(","),
                                arguments.model.stem)
        onnx.save(model, arguments.onnx)
    except (ConversionError, OSError) as error:
        sys.exit(f"tfjs2onnx: {error}")
    for name, shape in shapes.items():
        print(f"{name} {'x'.join(map(str, shape))}")


if __name__ == "__main__":
    main()
