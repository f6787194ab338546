"""What bench/gpu makes of what it measured."""

import json
import sys
import unittest

from support import ROOT

sys.path.insert(0, str(ROOT / "bench"))
from on_gpu import accuracy, devices, streams


class Accuracy(unittest.TestCase):
    def judged(self, what, side, reference, value):
        results = [{"what": what, "side": "cpu:fp32", "value": reference},
                   {"what": what, "side": side, "value": value}]
        accuracy.judge(results, "cpu:fp32")
        return results[1]["good"]

    def test_allows_less_in_fp32_than_in_fp16(self):
        self.assertTrue(self.judged("mAP m", "cuda:fp32", 0.3, 0.3019))
        self.assertFalse(self.judged("mAP m", "cuda:fp32", 0.3, 0.304))
        self.assertTrue(self.judged("mAP m", "cuda:0:fp16", 0.3, 0.304))

    def test_sees_a_better_result_as_a_difference_too(self):
        self.assertFalse(self.judged("HOTA sort", "cuda:fp32", 40, 40.4))
        self.assertFalse(self.judged("HOTA sort", "cuda:fp32", 40, 39.6))

    def test_refuses_what_failed(self):
        self.assertFalse(self.judged("mAP m", "cuda:fp32", 0.3, None))
        self.assertFalse(self.judged("mAP m", "cuda:fp32", None, 0.3))


class Devices(unittest.TestCase):
    def frame(self, *boxes):
        objects = [{"class_id": kind, "box": [left, 10, 20, 30], "score": score} for kind, left, score in boxes]
        return {("0", "7"): json.dumps({"objects": objects})}

    def test_takes_boxes_in_any_order(self):
        one, other = (0, 5, 0.9), (1, 50, 0.8)
        found = devices.compare(self.frame(one, other), self.frame(other, one))
        self.assertEqual((found["same"], found["boxes"], found["alone"], found["good"]), (1, 2, 0, True))

    def test_allows_what_rounding_does(self):
        found = devices.compare(self.frame((0, 5, 0.9)), self.frame((0, 5.6, 0.893)))
        self.assertEqual((found["same"], found["near"], found["good"]), (0, 1, True))

    def test_sees_boxes_that_the_other_side_has_not(self):
        for other in ((0, 7, 0.9), (1, 5, 0.9), (0, 5, 0.8)):
            found = devices.compare(self.frame((0, 5, 0.9)), self.frame(other))
            self.assertEqual((found["alone"], found["good"]), (2, False))

    def test_misses_frames(self):
        self.assertFalse(devices.compare(self.frame((0, 5, 0.9)), {})["good"])
        self.assertFalse(devices.compare({}, {})["good"])


class Leak(unittest.TestCase):
    def test_tells_growth_a_minute(self):
        samples = [{"s": s, "rss_mb": 100 + s / 30, "gpu_mb": None} for s in (0, 30, 60)]
        self.assertAlmostEqual(streams.growth(samples, "rss_mb"), 2)
        self.assertIsNone(streams.growth(samples, "gpu_mb"))
