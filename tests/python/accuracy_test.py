"""The whole program on real recordings, scored against ground truth.

The bounds are what the models and trackers scored in their authors' own code (the README of the test data), less
what issue 3 allows. Everything runs in fp32: bf16 moves boxes and scores a little, and OC-SORT's identities by more.
"""

import json
import os
import pathlib
import unittest

from support import PROGRAM, ROOT, InFolder, fetched, run

DATA = pathlib.Path(os.environ.get("SLUICE_TEST_DATA", ROOT.parent / "shared/data"))
YOLOX = DATA / "models/yolox_nano/yolox_nano.onnx"


def sluice(*words):
    done = run(PROGRAM, *words)
    if done.returncode != 0:
        raise AssertionError(f"{words} ends with {done.returncode}: {done.stderr}")
    return done.stdout


@unittest.skipUnless(PROGRAM.exists(), f"no program at {PROGRAM}")
@unittest.skipUnless(DATA.exists(), f"no test data at {DATA} (set SLUICE_TEST_DATA)")
class Accuracy(InFolder):
    def assert_hota(self, tracker, option, reference):
        sluice("run", "--model", YOLOX, "--source", fetched("get_clip", "vtest.avi"),
               "--precision", "fp32", "--tracker", tracker, "--tracks", self.folder, "--quiet",
               "--set", "models.pre-cluster-threshold=0.05",
               "--set", "models.nms-iou-threshold=0.45",
               "--set", "tracker.operate-on-class-ids=0", "--set", f"tracker.{option}=0.5")
        scores = json.loads(sluice("eval", "mot", DATA / "tracking/PETS09-S2L1/gt.txt.gz",
                                   self.folder / "vtest.txt", "--json"))
        self.assertGreaterEqual(100 * scores["sequences"][0]["hota"]["hota"], reference - 0.5)

    def test_sort_follows_people_as_its_original_does(self):
        self.assert_hota("sort", "min-detector-confidence", 40.287)

    def test_bytetrack_follows_people_as_its_original_does(self):
        self.assert_hota("bytetrack", "track-thresh", 48.892)

    def test_ocsort_follows_people_as_its_original_does(self):
        self.assert_hota("ocsort", "det-thresh", 45.295)

    def assert_map(self, model, bound, **options):
        found = self.folder / "found.jsonl"
        words = [f"--set=models.{name.replace('_', '-')}={value}" for name, value in options.items()]
        sluice("run", "--model", model, "--source", DATA / "detection/coco-val64/images",
               "--tracker", "none", "--precision", "fp32", "--detections", found, "--quiet",
               "--set=models.pre-cluster-threshold=0.001", *words)
        scores = json.loads(sluice("eval", "detections", DATA / "detection/coco-val64", found,
                                   "--names", DATA / "detection/coco.names", "--json"))
        self.assertGreaterEqual(scores["ap"], bound)

    def test_yolox_finds_what_it_should(self):
        # The overlap is that of the model's own evaluation.
        self.assert_map(YOLOX, 0.354, nms_iou_threshold=0.65)

    def test_fastestdet_finds_what_it_should(self):
        self.assert_map(DATA / "models/fastestdet/FastestDet.onnx", 0.220)

    def test_centernet_finds_what_it_should(self):
        self.assert_map(fetched("get_model", "models/centernet.onnx"), 0.319)
