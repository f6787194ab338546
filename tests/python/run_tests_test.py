"""The test runner must see failures, crashes and skips for what they are."""

from support import ROOT, InFolder, load, run

runner = load("run_tests")

REPORT = """<testsuites><testsuite name="A">
<testcase name="Passes" status="run" result="completed" classname="A"/>
<testcase name="Skips" status="run" result="skipped" classname="A">
  <skipped message="a.cpp:2&#x0A;no clip here"/></testcase>
<testcase name="DISABLED_Waits" status="notrun" result="suppressed" classname="A"/>{}
</testsuite></testsuites>"""
FAILURE = """<testcase name="Fails" status="run" result="completed" classname="A">
  <failure message="a.cpp:3&#x0A;1 is not 2"/></testcase>"""


class RunTests(InFolder):
    def build(self, report, ending="exit 0", jobs=1):
        """A build folder with one program that acts as a gtest program would, run in `jobs` parts."""
        self.write("report.xml", report)
        program = self.write("tests/fake_test", f"""#!/bin/sh
for word; do case $word in --gtest_output=xml:*) cp {self.folder}/report.xml "${{word#*xml:}}";; esac; done
echo last words
{ending}
""")
        program.chmod(0o755)
        return run(ROOT / "tools/run_tests", self.folder, "--only", ".", "--jobs", jobs)

    def closing_line(self, done):
        return done.stdout.splitlines()[-1]

    def test_counts_what_passed_and_lists_what_was_skipped_and_why(self):
        done = self.build(REPORT.format(""))
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.closing_line(done), "1 passed, 0 failed, 2 skipped")
        self.assertIn("fake_test: A.Skips: no clip here", done.stdout)

    def test_shows_what_failed(self):
        done = self.build(REPORT.format(FAILURE), "exit 1")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.closing_line(done), "1 passed, 1 failed, 2 skipped")
        self.assertIn("1 is not 2", done.stdout)

    def test_counts_a_crash_as_a_failure(self):
        done = self.build("<testsuites>", "kill -SEGV $$")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.closing_line(done), "0 passed, 1 failed, 0 skipped")
        self.assertIn("last words", done.stdout)

    def test_counts_a_crash_after_the_tests_as_a_failure(self):
        done = self.build(REPORT.format(""), "exit 66")
        self.assertEqual(self.closing_line(done), "1 passed, 1 failed, 2 skipped")

    def test_adds_up_the_parts_of_a_program(self):
        done = self.build(REPORT.format(""), "exit $GTEST_SHARD_INDEX", jobs=2)
        self.assertEqual(self.closing_line(done), "2 passed, 1 failed, 4 skipped")

    def test_gives_each_part_a_temporary_folder_of_its_own(self):
        done = self.build(REPORT.format(""), 'mkdir "$TEST_TMPDIR/a" "$TMPDIR/b"', jobs=2)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_counts_a_program_that_ran_no_test_as_a_failure(self):
        done = self.build("<testsuites></testsuites>")
        self.assertEqual(self.closing_line(done), "0 passed, 1 failed, 0 skipped")

    def test_refuses_a_build_without_tests(self):
        (self.folder / "tests").mkdir()
        done = run(ROOT / "tools/run_tests", self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no test program", done.stderr)
