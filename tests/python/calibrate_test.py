"""`sluice calibrate` on real pictures: what INT8 then scores, and what is refused.

The bounds are issue 5's. Pictures that taught nothing judge: coco-calib16 teaches, coco-val64 is scored.
"""

import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from support import PROGRAM, ROOT, InFolder, fetched, run

DATA = pathlib.Path(os.environ.get("SLUICE_TEST_DATA", ROOT.parent / "shared/data"))
YOLOX = DATA / "models/yolox_nano/yolox_nano.onnx"
TAUGHT = DATA / "detection/coco-calib16/images"
SCORED = DATA / "detection/coco-val64"
SNOW = "videotestsrc num-buffers=8 pattern=snow ! video/x-raw,width=64,height=48"
# No test is of how fast a network is; each precision runs four times so long.
QUICK = ("--seconds", "0.05")
LIMIT_S = 600  # much of it waiting for others, where tests share few cores


def calibrate(*words, codes=(0,)):
    """The JSON of `sluice calibrate`, and what it said beside."""
    done = subprocess.run([str(word) for word in (PROGRAM, "calibrate", *words, "--device", "cpu",
                                                  *QUICK, "--json")],
                          text=True, capture_output=True, timeout=LIMIT_S, check=False)
    if done.returncode not in codes:
        raise AssertionError(f"{words} ends with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout), done.stderr


def people(path, frames):
    """Ground truth of tracks (MOT) as COCO's of detections."""
    boxes = []
    with gzip.open(path, "rt") as file:
        for line in file:
            frame, _, *box = map(float, line.split(",")[:6])
            boxes.append({"id": len(boxes) + 1, "image_id": int(frame), "category_id": 1, "bbox": box,
                          "area": box[2] * box[3], "iscrowd": 0})
    return {"images": [{"id": i, "file_name": f"{i:06}.jpg", "width": 768, "height": 576}
                       for i in range(1, frames + 1)],
            "annotations": boxes, "categories": [{"id": 1, "name": "person"}]}


@unittest.skipUnless(PROGRAM.exists(), f"no program at {PROGRAM}")
@unittest.skipUnless(DATA.exists(), f"no test data at {DATA} (set SLUICE_TEST_DATA)")
class Calibrated(InFolder):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.made = pathlib.Path(folder.name)
        cls.calibration = cls.made / "yolox.calibration"
        cls.report, _ = calibrate(YOLOX, "--images", TAUGHT, "--output", cls.calibration,
                                  "--report", cls.made / "int8.html",
                                  "--tensorrt-cache", cls.made / "calib.table")

    def test_is_written_with_all_that_was_asked_for(self):
        self.assertEqual(self.report["verdict"], "passed")
        self.assertGreater(self.report["int8_share"], 0.5)
        self.assertTrue(self.calibration.exists())
        self.assertFalse(self.calibration.with_suffix(".calibration.work").exists())
        self.assertRegex((self.made / "calib.table").read_text(), r"^TRT-\d+-EntropyCalibration2\n")
        page = (self.made / "int8.html").read_text()
        self.assertIn("<svg", page)
        self.assertNotRegex(page, r"(src|href)=\"(?!data:|#)")

    def test_pixels_keep_their_own_steps(self):
        self.assertRegex(self.calibration.read_text(), r"(?m)^range 0 255 images$")

    @unittest.skipUnless("vnni" in pathlib.Path("/proc/cpuinfo").read_text(),
                         "without VNNI other layers lose more as well, and none makes most of the loss")
    def test_spares_the_layer_that_makes_most_of_the_loss(self):
        self.assertRegex(self.calibration.read_text(), r"(?m)^float Conv_47\tloses much")

    def test_auto_takes_the_fastest_that_passes(self):
        speeds = {line["precision"]: line["images_per_second"] for line in self.report["precisions"]
                  if line["passed"]}
        self.assertEqual(self.report["chosen"], max(speeds, key=speeds.get))

    def scores(self, source, truth, *words):
        """What `sluice eval detections` says of int8 by this calibration, given this truth."""
        found = self.folder / "found.jsonl"
        done = run(PROGRAM, "run", "--model", YOLOX, "--source", source, "--tracker", "none",
                   "--precision", "int8", "--set", f"models.int8-calib-file={self.calibration}",
                   "--set", "models.device=cpu", "--detections", found, "--quiet", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run(PROGRAM, "eval", "detections", *truth, found, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_scores_nearly_what_fp32_does(self):
        truth = ("--names", DATA / "detection/coco.names", SCORED)
        scores = self.scores(SCORED / "images", truth, "--set", "models.pre-cluster-threshold=0.001",
                             "--set", "models.nms-iou-threshold=0.65")
        self.assertGreaterEqual(scores["ap"], 0.353)

    def test_finds_people_of_a_street_that_taught_nothing(self):
        truth = self.write("people.json", json.dumps(people(DATA / "tracking/PETS09-S2L1/gt.txt.gz", 795)))
        scores = self.scores(fetched("get_clip", "vtest.avi"), [truth],
                             "--set", "models.pre-cluster-threshold=0.01")
        self.assertGreaterEqual(scores["ap50"], 0.887)

    def test_says_when_pictures_are_of_another_kind(self):
        street = self.folder / "street.calibration"
        calibrate(YOLOX, "--source", fetched("get_clip", "vtest.avi"), "--frames", 16, "--output", street)
        report, _ = calibrate(YOLOX, "--check", street, "--images", SCORED / "images")
        self.assertFalse(report["domain"]["fits"])

    def test_agrees_with_fp32_on_other_pictures_of_its_kind(self):
        report, _ = calibrate(YOLOX, "--check", self.calibration, "--images", SCORED / "images")
        self.assertGreaterEqual(report["int8"]["f1"], 0.93)
        self.assertTrue(report["domain"]["fits"])

    def test_pictures_in_which_fp32_finds_nothing_are_told_at_once(self):
        made = self.folder / "snow.calibration"
        done = run(PROGRAM, "calibrate", YOLOX, "--device", "cpu", "--source", "test:snow?frames=4",
                   "--output", made)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("fp32 finds nothing in these pictures", done.stderr)
        self.assertEqual(list(self.folder.glob("snow*")), [])

    def test_a_broken_range_is_refused_and_its_layer_named_first(self):
        layers = [line for line in self.report["layers"] if not line["in_float"]]
        layer = layers[len(layers) // 2]
        text = self.calibration.read_text()
        line = next(line for line in text.splitlines()
                    if line.startswith("range ") and line.endswith(" " + layer["input"]))
        wide = re.sub(r"^range (\S+) (\S+)",
                      lambda ends: f"range {50 * float(ends[1])} {50 * float(ends[2])}", line)
        broken = self.write("broken.calibration", text.replace(line, wide))
        report, errors = calibrate(YOLOX, "--check", broken, "--images", TAUGHT, codes=(4,))
        self.assertEqual(report["verdict"], "refused")
        worst = max((one for one in report["layers"] if one["db_alone"] is not None),
                    key=lambda one: one["db_alone"])
        self.assertEqual(worst["input"], layer["input"])
        self.assertIn(worst["name"], errors)


@unittest.skipUnless(PROGRAM.exists(), f"no program at {PROGRAM}")
@unittest.skipUnless(DATA.exists(), f"no test data at {DATA} (set SLUICE_TEST_DATA)")
class Fastestdet(InFolder):
    def test_is_within_the_floor_or_refused_with_the_reason(self):
        made = self.folder / "made.calibration"
        report, errors = calibrate(DATA / "models/fastestdet/FastestDet.onnx", "--images", TAUGHT,
                                   "--output", made, codes=(0, 4))
        passes = report["int8"]["loss"] <= report["floor"]
        self.assertEqual(report["verdict"], "passed" if passes else "refused")
        self.assertEqual(made.exists(), passes)
        self.assertEqual("would let it pass" in errors, not passes)


@unittest.skipUnless(PROGRAM.exists(), f"no program at {PROGRAM}")
class Page(InFolder):
    """docs/use/int8.md, with a small network and made-up recordings under the names that it uses."""

    def setUp(self):
        super().setUp()
        shutil.copy(ROOT / "tests/models/joined.onnx", self.folder / "model.onnx")
        self.write("model.yaml", "head: tensors\n")
        (self.folder / "frames").mkdir()
        self.launch("jpegenc ! multifilesink location=frames/%d.jpg")
        for name in ("day", "night", "new-camera"):
            self.launch(f"jpegenc ! avimux ! filesink location={name}.mp4")

    def launch(self, end):
        done = run("gst-launch-1.0", "-q", *f"{SNOW} ! {end}".split(), cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_command_does_what_it_says(self):
        commands = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs/use/int8.md").read_text(), re.M | re.S)
        self.assertGreater(len(commands), 3)
        for command in commands:
            with self.subTest(command):
                command = command.replace("rtsp://camera/1", "'test:snow?frames=5'")
                command = command.replace("sluice calibrate", " ".join(("sluice calibrate", *QUICK)))
                done = run("bash", "-euc", command, cwd=self.folder,
                           env={**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"})
                self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "model.onnx.calibration").exists())
        self.assertTrue((self.folder / "int8.html").exists())


if __name__ == "__main__":
    unittest.main()
