"""Every sample runs, and makes the files that it names."""

import os
import unittest

from support import BUILD, PROGRAM, ROOT, InFolder, fetched, run

MADE = {
    "four_streams": ["four_streams.mp4", *(f"four_streams/{name}.txt" for name in
                                           ("north", "east", "south", "west"))],
    "people_unknown": ["people_unknown.mp4"],
    "save_work": [],
}

PLUGINS = BUILD / "lib/gstreamer-1.0"
WITH_PLUGIN = {**os.environ, "GST_PLUGIN_PATH": str(PLUGINS)}
VIEW_PIXELS = (ROOT / ".venv/bin/python", ROOT / "samples/view_pixels.py", PLUGINS / "libgstsluice.so")


@unittest.skipUnless(PROGRAM.exists(), f"no program at {PROGRAM}")
class Samples(InFolder):
    def test_each_runs_and_makes_its_files(self):
        fetched("get_clip", "vtest.avi")
        fetched("get_model", "models/centernet.onnx")
        for sample in sorted((ROOT / "samples").glob("*.yaml")):
            with self.subTest(sample.name):
                done = run(PROGRAM, "run", sample, "--frames", 12, cwd=self.folder)
                self.assertEqual(done.returncode, 0, done.stderr)
                for name in MADE[sample.stem]:
                    self.assertGreater((self.folder / name).stat().st_size, 0, name)

    def run_program(self, *command):
        """What a sample that uses the plug-in prints, line by line."""
        done = run(*command, env=WITH_PLUGIN)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def make_clip(self, model):
        made = run(PROGRAM, "run", "--model", model, "--source", "test:white?frames=3",
                   "--output", self.folder / "clip.mp4")
        self.assertEqual(made.returncode, 0, made.stderr)
        return self.folder / "clip.mp4"

    def test_a_program_in_c_reads_the_objects(self):
        model = ROOT / "tests/models/brightness_box.onnx"
        lines = self.run_program(BUILD / "samples/count_objects", self.make_clip(model), model)
        self.assertEqual([line.split(":")[0] for line in lines], ["frame 0", "frame 1", "frame 2"])

    def test_a_program_in_c_reads_the_pixels(self):
        clip = self.make_clip(ROOT / "tests/models/brightness_box.onnx")
        lines = self.run_program(BUILD / "samples/read_pixels", clip)
        self.assertEqual(len(lines), 4)
        for number, line in enumerate(lines[:3]):
            self.assertRegex(line, rf"^frame {number}: \d+ rows of \d+ on .*, mean 2\d\d\.\d$")
        self.assertRegex(lines[3], r"^\d+ frames copied from a GPU$")

    def test_python_views_the_pixels(self):
        lines = self.run_program(
            *VIEW_PIXELS,
            "videotestsrc pattern=white num-buffers=2 ! video/x-raw,format=NV12,width=64,height=48")
        self.assertEqual(lines, 2 * ["(48, 64) uint8 cpu largest 235"])

    def test_python_ends_by_one_error(self):
        missing = self.folder / "none.avi"
        for pipeline, wanted in ((f"filesrc location={missing} ! decodebin", str(missing)),
                                 ("nosuchsrc ! decodebin", "nosuchsrc"),
                                 ("videotestsrc ! video/x-raw,format=NV12 ! identity error-after=3", "identity")):
            with self.subTest(pipeline):
                done = run(*VIEW_PIXELS, pipeline, env=WITH_PLUGIN)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(done.stderr.count("view_pixels: "), 1, done.stderr)
                self.assertIn(wanted, done.stderr)
