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

    def test_a_program_in_c_reads_the_objects(self):
        model = ROOT / "tests/models/brightness_box.onnx"
        made = run(PROGRAM, "run", "--model", model, "--source", "test:white?frames=3",
                   "--output", self.folder / "clip.mp4")
        self.assertEqual(made.returncode, 0, made.stderr)
        done = run(BUILD / "samples/count_objects", self.folder / "clip.mp4", model,
                   env={**os.environ, "GST_PLUGIN_PATH": str(BUILD / "lib/gstreamer-1.0")})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line.split(":")[0] for line in done.stdout.splitlines()],
                         ["frame 0", "frame 1", "frame 2"])
