"""The converter against a hand-made model whose result is known."""

import json

import numpy as np

from support import ROOT, InFolder, load, run

converter = load("tfjs2onnx.py")

IMAGE = {"shape": {"shape": {"dim": [{"size": "1"}, {"size": "5"}, {"size": "4"}, {"size": "2"}]}}}
CONVOLUTION = {
    "strides": {"list": {"i": ["1", "2", "2", "1"]}},
    "dilations": {"list": {"i": ["1", "1", "1", "1"]}},
    "padding": {"s": "U0FNRQ=="},  # SAME
    "fused_ops": {"list": {"s": ["Qmlhc0FkZA==", "UmVsdQ=="]}},  # BiasAdd, Relu
}


class Tfjs2onnx(InFolder):
    def model(self, operation="_FusedConv2D"):
        """An image of 5x4 pixels and 2 channels through one 3x3 convolution to 3 channels."""
        random = np.random.default_rng(1)
        self.kernel = random.normal(size=(3, 3, 2, 3)).astype("<f4")
        self.bias = random.normal(size=3).astype("<f4")
        (self.folder / "m.bin").write_bytes(self.kernel.tobytes() + self.bias.tobytes())
        return self.write("m.json", json.dumps({
            "modelTopology": {"node": [
                {"name": "image", "op": "Placeholder", "attr": IMAGE},
                {"name": "kernel", "op": "Const"},
                {"name": "bias", "op": "Const"},
                {"name": "out", "op": operation, "input": ["image", "kernel", "bias"],
                 "attr": CONVOLUTION}]},
            "weightsManifest": [{"paths": ["m.bin"], "weights": [
                {"name": "kernel", "shape": [3, 3, 2, 3], "dtype": "float32"},
                {"name": "bias", "shape": [3], "dtype": "float32"}]}]}))

    def convert(self, path, outputs="out"):
        return run(ROOT / ".venv/bin/python", ROOT / "tools/tfjs2onnx.py", path,
                   self.folder / "m.onnx", "--outputs", outputs)

    def expected(self, image):
        """TensorFlow's SAME with stride 2 on 5x4: one row before and after, one column after."""
        padded = np.pad(image, ((1, 1), (0, 1), (0, 0)))
        out = np.zeros((3, 2, 3))
        for y in range(3):
            for x in range(2):
                window = padded[2 * y:2 * y + 3, 2 * x:2 * x + 3]
                out[y, x] = np.einsum("hwc,hwco->o", window, self.kernel) + self.bias
        return np.maximum(out, 0).transpose(2, 0, 1)

    def test_keeps_the_result_of_a_convolution(self):
        done = self.convert(self.model())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.strip(), "out 1x3x3x2")

        import openvino  # late: only this test needs it
        image = np.random.default_rng(2).normal(size=(5, 4, 2)).astype(np.float32)
        network = openvino.Core().compile_model(
            self.folder / "m.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        result = network(image.transpose(2, 0, 1)[None])[0]
        np.testing.assert_allclose(result[0], self.expected(image), atol=1e-5)

    def test_names_an_unknown_operation(self):
        done = self.convert(self.model(operation="Softplus"))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.strip(),
                         "tfjs2onnx: out: operation Softplus is not known to me")

    def test_names_an_unknown_output(self):
        self.assertIn("no node there", self.convert(self.model(), "there").stderr)

    def test_refuses_weights_that_end_early(self):
        path = self.model()
        (self.folder / "m.bin").write_bytes(b"1234")
        self.assertIn("end inside kernel", self.convert(path).stderr)

    def test_refuses_weights_that_are_left_over(self):
        path = self.model()
        with (self.folder / "m.bin").open("ab") as file:
            file.write(b"12")
        self.assertIn("2 bytes of weights are left over", self.convert(path).stderr)

    def test_refuses_what_is_no_model(self):
        self.assertIn("not a TensorFlow.js graph model", self.convert(self.write("a", "{}")).stderr)

    def test_sorts_nodes_after_their_inputs(self):
        nodes = {"b": {"name": "b", "input": ["a:0", "^c"]}, "a": {"name": "a"},
                 "c": {"name": "c", "input": ["a"]}}
        order = [node["name"] for node in converter.in_order(nodes, ["b"])]
        self.assertEqual(order, ["a", "c", "b"])
