#!/usr/bin/env python3
"""Writes the micro models of this folder: tests/models/generate.py (needs the onnx package).

The .onnx files are committed, so that tests need no Python; run this after a change here.
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent
FLOAT = TensorProto.FLOAT


def tensor(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(values, dtype=dtype), name)


def save(name, nodes, inputs, outputs, constants=(), metadata=None):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    path = FOLDER / f"{name}.onnx"
    onnx.save(model, path)
    return path


def random(shape, seed):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def main():
    node = helper.make_node

    # output = input: what the pre-processing and the adaptation do is seen untouched.
    identity = save("identity", [node("Identity", ["image"], ["same"])],
                    [tensor("image", ["N", 3, 4, 6])], [tensor("same", ["N", 3, 4, 6])],
                    metadata={"names": "{0: 'person'}", "stride": "32"})
    save("identity_nhwc", [node("Identity", ["image"], ["same"])],
         [tensor("image", [1, 4, 6, 3])], [tensor("same", [1, 4, 6, 3])])
    save("open_size", [node("Relu", ["image"], ["same"])],
         [tensor("image", ["N", 3, "H", "W"])], [tensor("same", ["N", 3, "H", "W"])])

    # A 1x1 convolution and a Reshape whose target says 1 for the batch.
    weights = constant("weights", random((5, 3, 1, 1), 1))
    convolve = node("Conv", ["image", "weights"], ["features"], name="convolve")
    save("baked_reshape", [convolve, node("Reshape", ["features", "target"], ["boxes"])],
         [tensor("image", [1, 3, 4, 6])], [tensor("boxes", [1, 5, 24])],
         [weights, constant("target", [1, 5, -1], np.int64)])

    # The batch disappears into the channels (as a channel shuffle does): no target can be repaired.
    save("unrepairable",
         [convolve, node("Reshape", ["features", "mixed"], ["flat"]),
          node("Transpose", ["flat"], ["turned"], perm=[1, 0]),
          node("Reshape", ["turned", "target"], ["boxes"])],
         [tensor("image", [1, 3, 4, 6])], [tensor("boxes", [1, 24, 5])],
         [weights, constant("mixed", [5, 24], np.int64), constant("target", [1, 24, 5], np.int64)])

    # Keeps every shape when the targets are repaired, yet mixes the items of a batch.
    save("mixes_items",
         [convolve, node("ReduceMean", ["features"], ["mean"], axes=[0], keepdims=1),
          node("Sub", ["features", "mean"], ["rest"]),
          node("Reshape", ["rest", "target"], ["boxes"])],
         [tensor("image", [1, 3, 4, 6])], [tensor("boxes", [1, 5, 24])],
         [weights, constant("target", [1, 5, -1], np.int64)])

    # No batch in the output at all.
    save("no_batch",
         [convolve, node("Reshape", ["features", "target"], ["rows"])],
         [tensor("image", [1, 3, 4, 6])], [tensor("rows", [24, 5])],
         [weights, constant("target", [24, 5], np.int64)])

    # The stem of YOLOX: four quarters of the picture, concatenated, then a 3x3 convolution.
    slices, quarters = [], []
    for name, row, column in (("a", 0, 0), ("b", 1, 0), ("c", 0, 1), ("d", 1, 1)):
        slices += [node("Slice", ["image", f"from{row}", "end", "rows", "two"], [f"half_{name}"]),
                   node("Slice", [f"half_{name}", f"from{column}", "end", "columns", "two"],
                        [f"quarter_{name}"])]
        quarters.append(f"quarter_{name}")
    save("focus",
         slices + [node("Concat", quarters, ["joined"], axis=1),
                   node("Conv", ["joined", "stem"], ["features"], pads=[1, 1, 1, 1])],
         [tensor("image", ["N", 3, 8, 10])], [tensor("features", ["N", 2, 4, 5])],
         [constant("stem", random((2, 12, 3, 3), 2)), constant("from0", [0], np.int64),
          constant("from1", [1], np.int64), constant("end", [2**31], np.int64),
          constant("rows", [2], np.int64), constant("columns", [3], np.int64),
          constant("two", [2], np.int64)])

    # Large enough an inner product that bf16 and fp32 arithmetic differ.
    save("precision", [node("Conv", ["image", "kernel"], ["sums"], pads=[1, 1, 1, 1])],
         [tensor("image", ["N", 3, 16, 16])], [tensor("sums", ["N", 8, 16, 16])],
         [constant("kernel", random((8, 3, 3, 3), 3))])

    # NaN, once where a layer reads it and once in the output alone.
    convolve_a = node("Conv", ["image", "ka"], ["a"], name="conv_a")
    save("nan_inside", [convolve_a, node("Log", ["a"], ["logs"], name="log"),
                        node("Conv", ["logs", "kb"], ["out"], name="conv_b")],
         [tensor("image", ["N", 3, 16, 16])], [tensor("out", ["N", 8, 16, 16])],
         [constant("ka", random((8, 3, 1, 1), 21)), constant("kb", random((8, 8, 1, 1), 22))])
    save("nan_outside", [convolve_a, node("Log", ["a"], ["logs"], name="log")],
         [tensor("image", ["N", 3, 16, 16])], [tensor("logs", ["N", 8, 16, 16])],
         [constant("ka", random((8, 3, 1, 1), 21))])

    # What int8 meets: tensors joined by Concat and MaxPool, a depthwise layer, a sum.
    save("joined",
         [node("Conv", ["image", "ka", "ba"], ["a0"], pads=[1, 1, 1, 1], name="conv_a"),
          node("Relu", ["a0"], ["a"]),
          node("MaxPool", ["a"], ["pooled"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
          node("Concat", ["a", "pooled"], ["both"], axis=1),
          node("Conv", ["both", "kb"], ["b0"], name="conv_b"),
          node("Relu", ["b0"], ["b"]),
          node("Conv", ["b", "kd"], ["d0"], pads=[1, 1, 1, 1], group=8, name="depthwise"),
          node("Relu", ["d0"], ["d"]),
          node("Add", ["b", "d"], ["sum"]),
          node("Conv", ["sum", "ke", "be"], ["out"], name="conv_e")],
         [tensor("image", ["N", 3, 16, 16])], [tensor("out", ["N", 4, 16, 16])],
         [constant("ka", random((8, 3, 3, 3), 11) / 255), constant("ba", random(8, 12)),
          constant("kb", random((8, 16, 1, 1), 13)), constant("kd", random((8, 1, 3, 3), 14)),
          constant("ke", random((4, 8, 1, 1), 15)), constant("be", random(4, 16))])

    # The same idea quantised by its maker, once with integer weights and once with rounded ones.
    whole = np.random.default_rng(17).integers(-127, 128, (8, 3, 3, 3))
    save("qdq",
         [node("QuantizeLinear", ["image", "one", "none"], ["image_q"]),
          node("DequantizeLinear", ["image_q", "one", "none"], ["image_d"]),
          node("DequantizeLinear", ["ka", "sa", "za"], ["ka_d"], axis=0),
          node("Conv", ["image_d", "ka_d", "ba"], ["a0"], pads=[1, 1, 1, 1], name="conv_a"),
          node("Relu", ["a0"], ["a"]),
          node("QuantizeLinear", ["a", "s", "z"], ["a_q"]),
          node("DequantizeLinear", ["a_q", "s", "z"], ["a_d"]),
          node("QuantizeLinear", ["kb", "sb", "zb"], ["kb_q"]),
          node("DequantizeLinear", ["kb_q", "sb", "zb"], ["kb_d"]),
          node("Conv", ["a_d", "kb_d"], ["out"], name="conv_b")],
         [tensor("image", ["N", 3, 16, 16])], [tensor("out", ["N", 4, 16, 16])],
         [constant("one", 1), constant("none", 0, np.uint8), constant("ka", whole, np.int8),
          constant("sa", np.linspace(1, 2, 8) / 127 / 255), constant("za", np.zeros(8), np.int8),
          constant("ba", random(8, 18)), constant("s", 0.05), constant("z", 3, np.uint8),
          constant("kb", random((4, 8, 1, 1), 19)), constant("sb", 1 / 127),
          constant("zb", 0, np.int8)])

    # One box per picture, scored by the picture's mean brightness: tells pictures apart.
    mean = [node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=1)]
    save("brightness_box",
         mean + [node("Reshape", ["mean", "row"], ["level"]),
                 node("Mul", ["level", "score"], ["scored"]),
                 node("Add", ["scored", "box"], ["rows"])],
         [tensor("image", ["N", 3, 4, 6])], [tensor("rows", ["N", 1, 6])],
         [constant("row", [0, 1, 1], np.int64),
          constant("score", [[[0, 0, 0, 0, 1, 0]]]),
          constant("box", [[[1, 1, 5, 3, 0, 0]]])],
         metadata={"names": "{0: 'blob'}"})

    # Two classes by the same mean: dark and bright.
    save("brightness_class",
         mean + [node("Reshape", ["mean", "row"], ["level"]),
                 node("Mul", ["level", "slope"], ["sloped"]),
                 node("Add", ["sloped", "start"], ["shade"])],
         [tensor("image", ["N", 3, 4, 6])], [tensor("shade", ["N", 2])],
         [constant("row", [0, 1], np.int64), constant("slope", [[-1, 1]]),
          constant("start", [[1, 0]])],
         metadata={"names": "{0: 'dark', 1: 'bright'}"})
    (FOLDER / "brightness_class.yaml").write_text(
        "# Brightness 0..1, not ImageNet's mean and deviation.\n"
        "net-scale-factor: 0.003921569\noffsets: [0]\nchannel-std: [1]\n"
        "labels: {shade: [dark, bright]}\n")

    # Weights in a file that is not there.
    missing = onnx.load(FOLDER / "baked_reshape.onnx")
    onnx.external_data_helper.set_external_data(missing.graph.initializer[0], "absent.bin")
    missing.graph.initializer[0].ClearField("raw_data")
    missing.graph.initializer[0].data_location = TensorProto.EXTERNAL
    (FOLDER / "missing_weights.onnx").write_bytes(missing.SerializeToString())

    # An operator that nobody knows.
    unknown = helper.make_graph([node("Frobnicate", ["image"], ["same"], domain="nobody")],
                                "unknown", [tensor("image", [1, 3, 4, 6])],
                                [tensor("same", [1, 3, 4, 6])])
    model = helper.make_model(unknown, opset_imports=[helper.make_opsetid("", 13),
                                                      helper.make_opsetid("nobody", 1)],
                              ir_version=8)
    (FOLDER / "unknown_operator.onnx").write_bytes(model.SerializeToString())

    focus = (FOLDER / "focus.onnx").read_bytes()
    (FOLDER / "truncated.onnx").write_bytes(focus[: len(focus) // 2])
    (FOLDER / "no_model.onnx").write_text("This is a letter to a friend, not a network.\n")
    (FOLDER / "empty.onnx").write_bytes(b"")
    print(f"wrote {len(list(FOLDER.glob('*.onnx')))} models beside {identity}")


if __name__ == "__main__":
    main()
