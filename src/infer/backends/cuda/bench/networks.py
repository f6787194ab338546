#!/usr/bin/env python3
"""ResNet-50 and YOLOX with random weights: as ONNX, or run by PyTorch for comparison.

  networks.py onnx NAME FILE             NAME: resnet50, yolox_s, yolox_m
  networks.py check NAME.onnx FOLDER     input.bin and output0.bin of ONNX Runtime, for one image
  networks.py torch NAME BATCH...        images/s of PyTorch: fp16, channels_last, CUDA graph
  networks.py compile NAME BATCH...      the same after torch.compile's max-autotune, which takes minutes

Each network is written once, over a builder; one builder writes ONNX, the other calls PyTorch.
"""
import pathlib
import sys

import numpy as np


def resnet50(b, x):
    x = b.conv(x, 64, 7, 2, "relu")
    x = b.max_pool(x, 3, 2)
    for stage, count in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            skip = x if block > 0 else b.conv(x, 4 * width, 1, stride, None)
            y = b.conv(x, width, 1, 1, "relu")
            y = b.conv(y, width, 3, stride, "relu")
            x = b.relu(b.add(b.conv(y, 4 * width, 1, 1, None, gain=0.3), skip))
    return b.linear(b.mean(x), 1000)


def csp(b, x, width, count, shortcut):
    half = width // 2
    main, skip = b.conv(x, half, 1, 1), b.conv(x, half, 1, 1)
    for _ in range(count):
        y = b.conv(b.conv(main, half, 1, 1), half, 3, 1)
        main = b.add(y, main) if shortcut else y
    return b.conv(b.concat([main, skip]), width, 1, 1)


def yolox(b, x, depth, width):
    wide = [int(64 * width) << i for i in range(5)]
    base = max(round(3 * depth), 1)
    x = b.conv(b.focus(x), wide[0], 3, 1)
    levels = []
    for i, count in enumerate((base, 3 * base, 3 * base)):
        x = csp(b, b.conv(x, wide[i + 1], 3, 2), wide[i + 1], count, True)
        levels.append(x)
    x = b.conv(b.conv(x, wide[4], 3, 2), wide[3], 1, 1)
    x = b.conv(b.concat([x] + [b.max_pool(x, k, 1) for k in (5, 9, 13)]), wide[4], 1, 1)
    x = csp(b, x, wide[4], base, False)

    top = b.conv(x, wide[3], 1, 1)
    middle = csp(b, b.concat([b.double(top), levels[2]]), wide[3], base, False)
    middle = b.conv(middle, wide[2], 1, 1)
    outs = [csp(b, b.concat([b.double(middle), levels[1]]), wide[2], base, False)]
    outs.append(csp(b, b.concat([b.conv(outs[0], wide[2], 3, 2), middle]), wide[3], base, False))
    outs.append(csp(b, b.concat([b.conv(outs[1], wide[3], 3, 2), top]), wide[4], base, False))
    return b.heads([head(b, out, int(256 * width)) for out in outs])


def head(b, x, width):
    x = b.conv(x, width, 1, 1)
    classes = b.conv(b.conv(x, width, 3, 1), width, 3, 1)
    boxes = b.conv(b.conv(x, width, 3, 1), width, 3, 1)
    return b.concat([b.predict(boxes, 4), b.sigmoid(b.predict(boxes, 1)),
                     b.sigmoid(b.predict(classes, 80))])


NETWORKS = {
    "resnet50": (224, resnet50),
    "yolox_s": (640, lambda b, x: yolox(b, x, 0.33, 0.50)),
    "yolox_m": (640, lambda b, x: yolox(b, x, 0.67, 0.75)),
}


class OnnxBuilder:
    def __init__(self):
        from onnx import helper
        self.helper, self.nodes, self.constants, self.channels = helper, [], [], {}
        self.random = np.random.default_rng(1)

    def node(self, kind, inputs, channels, **attributes):
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(kind, inputs, [name], name=name, **attributes))
        self.channels[name] = channels
        return name

    def constant(self, values, dtype=np.float32):
        from onnx import numpy_helper
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def weights(self, *shape, gain=1.4):
        fan = int(np.prod(shape[1:]))
        return self.random.standard_normal(shape, dtype=np.float32) * (gain / fan ** 0.5)

    def conv(self, x, width, kernel, stride, act="silu", gain=1.4):
        weights = self.constant(self.weights(width, self.channels[x], kernel, kernel, gain=gain))
        y = self.node("Conv", [x, weights], width, kernel_shape=[kernel] * 2,
                      strides=[stride] * 2, pads=[kernel // 2] * 4)
        parts = [self.constant(self.random.uniform(low, high, width))
                 for low, high in ((0.8, 1.2), (-0.2, 0.2), (-0.2, 0.2), (0.8, 1.2))]
        y = self.node("BatchNormalization", [y] + parts, width, epsilon=1e-5)
        if act == "relu":
            return self.relu(y)
        return self.node("Mul", [y, self.sigmoid(y)], width) if act == "silu" else y

    def predict(self, x, width):
        weights = self.constant(self.weights(width, self.channels[x], 1, 1))
        return self.node("Conv", [x, weights, self.constant(np.zeros(width))], width,
                         kernel_shape=[1, 1])

    def relu(self, x):
        return self.node("Relu", [x], self.channels[x])

    def sigmoid(self, x):
        return self.node("Sigmoid", [x], self.channels[x])

    def add(self, x, y):
        return self.node("Add", [x, y], self.channels[x])

    def concat(self, parts):
        return self.node("Concat", parts, sum(self.channels[p] for p in parts), axis=1)

    def max_pool(self, x, kernel, stride):
        return self.node("MaxPool", [x], self.channels[x], kernel_shape=[kernel] * 2,
                         strides=[stride] * 2, pads=[kernel // 2] * 4)

    def double(self, x):
        scales = self.constant([1, 1, 2, 2])
        return self.node("Resize", [x, "", scales], self.channels[x], mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def focus(self, x):
        def half(y, begin, axis):
            return self.node("Slice", [y] + [self.constant([v], np.int64) for v in
                             (begin, 1 << 30, axis, 2)], 3)

        def corner(row, column):  # one axis at a time, as PyTorch exports it
            return half(half(x, row, 2), column, 3)
        return self.concat([corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)])

    def mean(self, x):
        return self.node("GlobalAveragePool", [x], self.channels[x])

    def linear(self, x, width):
        flat = self.node("Flatten", [x], self.channels[x], axis=1)
        return self.node("Gemm", [flat, self.constant(self.weights(width, self.channels[x])),
                                  self.constant(np.zeros(width))], width, transB=1)

    def heads(self, outs):
        shape = self.constant([0, 85, -1], np.int64)
        flat = [self.node("Reshape", [out, shape], 85) for out in outs]
        return self.node("Transpose", [self.node("Concat", flat, 85, axis=2)], 85, perm=[0, 2, 1])

    def save(self, name, path):
        from onnx import TensorProto, save
        size, body = NETWORKS[name]
        self.channels["images"] = 3
        output = body(self, "images")
        image = self.helper.make_tensor_value_info("images", TensorProto.FLOAT,
                                                   ["N", 3, size, size])
        result = self.helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = self.helper.make_graph(self.nodes, name, [image], [result], self.constants)
        save(self.helper.make_model(graph, opset_imports=[self.helper.make_opsetid("", 13)],
                                    ir_version=8), path)


class TorchBuilder:
    """Makes each module when it is first reached, and finds it again in the same order."""

    def __init__(self):
        import torch
        self.torch, self.modules, self.next = torch, [], 0

    def module(self, make):
        if self.next == len(self.modules):
            self.modules.append(make().eval().cuda().half().to(
                memory_format=self.torch.channels_last))
        self.next += 1
        return self.modules[self.next - 1]

    def conv(self, x, width, kernel, stride, act="silu", gain=1.4):
        nn = self.torch.nn
        acts = {"silu": lambda: [nn.SiLU(inplace=True)], "relu": lambda: [nn.ReLU(inplace=True)],
                None: list}
        return self.module(lambda: nn.Sequential(
            nn.Conv2d(x.shape[1], width, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(width), *acts[act]()))(x)

    def predict(self, x, width):
        return self.module(lambda: self.torch.nn.Conv2d(x.shape[1], width, 1))(x)

    def relu(self, x):
        return self.torch.relu_(x)

    def sigmoid(self, x):
        return self.torch.sigmoid(x)

    def add(self, x, y):
        return x + y

    def concat(self, parts):
        return self.torch.cat(parts, 1)

    def max_pool(self, x, kernel, stride):
        return self.torch.nn.functional.max_pool2d(x, kernel, stride, kernel // 2)

    def double(self, x):
        return self.torch.nn.functional.interpolate(x, scale_factor=2, mode="nearest")

    def focus(self, x):
        return self.torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2],
                               x[..., 1::2, 1::2]], 1)

    def mean(self, x):
        return x.mean((2, 3))

    def linear(self, x, width):
        return self.module(lambda: self.torch.nn.Linear(x.shape[1], width))(x)

    def heads(self, outs):
        return self.torch.cat([out.flatten(2) for out in outs], 2).permute(0, 2, 1)

    def run(self, body, x):
        self.next = 0
        return body(self, x)


def torch_speed(name, batch, compiled):
    import torch
    torch.backends.cudnn.benchmark = True
    size, body = NETWORKS[name]
    builder = TorchBuilder()
    x = torch.rand(batch, 3, size, size, device="cuda").half().to(
        memory_format=torch.channels_last)
    with torch.no_grad():
        stream = torch.cuda.Stream()
        run = builder.run
        if compiled:
            run(body, x)  # makes the modules
            # The graph is ours for both, so that neither waits for Python.
            run = torch.compile(run, mode="max-autotune-no-cudagraphs")
        with torch.cuda.stream(stream):
            for _ in range(3):
                run(body, x)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run(body, x)
    times = []
    for _ in range(3):
        graph.replay()
    for _ in range(7):
        count = max(3, int(2000 / batch / (size / 224)))
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(count):
            graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / count)
    return batch / np.median(times) * 1000


def check(path, folder):
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    size = session.get_inputs()[0].shape[2]
    image = np.random.default_rng(2).uniform(-1, 1, (1, 3, size, size)).astype(np.float32)
    folder = pathlib.Path(folder)
    image.tofile(folder / "input.bin")
    for i, output in enumerate(session.run(None, {session.get_inputs()[0].name: image})):
        output.astype(np.float32).tofile(folder / f"output{i}.bin")


def main():
    command, name, *rest = sys.argv[1:]
    if command == "onnx":
        OnnxBuilder().save(name, rest[0])
    elif command == "check":
        check(name, rest[0])
    else:
        for batch in map(int, rest):
            speed = torch_speed(name, batch, command == "compile")
            print(f"{command} {name} fp16 batch {batch}: {speed:.0f} images/s", flush=True)


if __name__ == "__main__":
    main()
