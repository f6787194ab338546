"""Each check must be able to fail, and must not fail on what is right."""

import json
import shutil
import unittest

from support import ROOT, InFolder, load, run

layers = load("check_layers.py")
sizes = load("check_sizes.py")
commit = load("check_commit")
docs = load("check_docs.py")


class CheckLayers(InFolder):
    def offences(self, place, line):
        self.write(f"src/{place}", line + "\n")
        return layers.check(self.folder)

    def test_accepts_an_arrow_that_points_down(self):
        self.assertEqual(self.offences("mux/a.cpp", '#include "sluice/meta/box.h"'), [])

    def test_refuses_an_arrow_that_points_up(self):
        found = self.offences("mux/a.cpp", '#include "sluice/gst/element.h"')
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("src/mux/a.cpp:1: mux (floor 4) may not include gst"))

    def test_refuses_a_sibling(self):
        self.assertEqual(len(self.offences("mux/a.h", '#include "sluice/track/t.h"')), 1)

    def test_refuses_evaluation_in_the_elements(self):
        self.assertEqual(len(self.offences("gst/a.cpp", '#include "sluice/eval/mot.h"')), 1)

    def test_refuses_a_path_that_climbs(self):
        self.assertEqual(len(self.offences("mux/a.cpp", '#include "../meta/box.h"')), 1)

    def test_refuses_the_details_of_another_room(self):
        found = self.offences("mux/a.cpp", '#include "sluice/meta/detail/x.h"')
        self.assertEqual(len(found), 1)

    def test_accepts_the_details_of_the_own_room(self):
        self.assertEqual(self.offences("mux/a.cpp", '#include "sluice/mux/detail/x.h"'), [])

    def test_refuses_a_third_party_out_of_its_place(self):
        self.assertEqual(len(self.offences("track/a.cpp", "#include <gst/gst.h>")), 1)
        self.assertEqual(len(self.offences("track/a.cpp", "#include <yaml-cpp/yaml.h>")), 1)

    def test_accepts_a_third_party_in_its_place(self):
        self.assertEqual(self.offences("gst/a.cpp", "#include <gst/gst.h>"), [])

    def test_refuses_a_room_without_a_floor(self):
        self.assertEqual(len(self.offences("attic/a.cpp", "")), 1)


class CheckSizes(InFolder):
    def test_accepts_a_file_at_the_limit(self):
        self.write("src/a.cpp", "\n" * sizes.LIMIT)
        self.assertEqual(sizes.check(self.folder), [])

    def test_refuses_a_file_above_the_limit(self):
        self.write("src/a.cpp", "\n" * (sizes.LIMIT + 1))
        self.assertEqual(len(sizes.check(self.folder)), 1)

    def test_accepts_an_exempt_file_only_with_a_reason(self):
        self.write("src/a.cpp", "// check_sizes: exempt, a table\n" + "\n" * sizes.LIMIT)
        self.write("src/b.cpp", "// check_sizes: exempt, \n" + "\n" * sizes.LIMIT)
        found = sizes.check(self.folder)
        self.assertEqual(len(found), 1)
        self.assertIn("b.cpp", found[0])


class CheckCommit(InFolder):
    def test_accepts_the_form_of_the_house(self):
        for subject in ("mux: Form batches by reference", "track+meta: Carry the age in seconds",
                        "tree: Seed the rooms"):
            self.assertEqual(commit.offences(subject + "\n\nWhy.\n"), [], subject)

    def test_refuses_other_forms(self):
        for subject in ("Form batches", "mux: form batches", "mux: Fix", "mux: Formed batches",
                        "mux: Form batches.", "mux: Form " + "b" * 72, ""):
            self.assertNotEqual(commit.offences(subject), [], subject)

    def test_refuses_a_body_that_touches_the_subject(self):
        self.assertNotEqual(commit.offences("mux: Form batches\nWhy."), [])

    def test_works_as_a_hook(self):
        good = self.write("good", "mux: Form batches\n# a comment of git\n")
        bad = self.write("bad", "wip\n")
        self.assertEqual(run(ROOT / "tools/check_commit", good).returncode, 0)
        self.assertEqual(run(ROOT / "tools/check_commit", bad).returncode, 1)


class CheckDocs(InFolder):
    def test_runs_what_is_marked_and_nothing_else(self):
        text = "```sh run\ntrue\n```\n```sh\nfalse\n```\n"
        path = self.write("a.md", text)
        self.assertEqual(docs.failed_examples(path, text), [])

    def test_refuses_an_example_that_fails_halfway(self):
        text = "words\n\n```sh run\nfalse\ntrue\n```\n"
        path = self.write("a.md", text)
        self.assertIn("a.md:3", docs.failed_examples(path, text)[0])

    def test_refuses_a_dead_link(self):
        path = self.write("a.md", "[a](a.md) [b](b.md)")
        self.assertEqual(len(docs.dead_links(path, path.read_text())), 1)


class CheckFormat(InFolder):
    def test_refuses_a_badly_formatted_source(self):
        for name in ("tools/check_format", ".clang-format"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        run("git", "init", "-q", cwd=self.folder)
        self.write("a.cpp", "int  a ;\n")
        done = run(self.folder / "tools/check_format")
        if done.returncode == 0 or "is missing" in done.stderr:
            self.skipTest((done.stdout + done.stderr).strip())
        self.assertIn("a.cpp:1", done.stderr)


@unittest.skipUnless(shutil.which("clang-tidy"), "clang-tidy is not installed (tools/setup --lint)")
class CheckTidy(InFolder):
    def check(self, source):
        shutil.copy(ROOT / ".clang-tidy", self.folder)
        (self.folder / "tools").mkdir()
        shutil.copy(ROOT / "tools/check_tidy", self.folder / "tools")
        self.write("src/a.cpp", source)
        self.write("build/compile_commands.json", json.dumps([
            {"directory": str(self.folder), "file": "src/a.cpp", "command": "c++ -c src/a.cpp"}]))
        return run(self.folder / "tools/check_tidy", self.folder / "build")

    def test_accepts_names_of_the_house(self):
        done = self.check("class GoodName {};\n")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_refuses_other_names(self):
        done = self.check("class bad_name {};\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("invalid case style for class 'bad_name'", done.stdout)

    def test_refuses_a_long_function(self):
        done = self.check("int a = 0;\nvoid long_one() {\n" + "a++;\n" * 90 + "}\n")
        self.assertIn("readability-function-size", done.stdout)

    def test_refuses_a_lock_that_is_not_held(self):
        done = self.check("""struct __attribute__((capability("mutex"))) Mutex {};
Mutex mutex;
int guarded __attribute__((guarded_by(mutex))) = 0;
int read() { return guarded; }
""")
        self.assertIn("requires holding mutex", done.stdout)


if __name__ == "__main__":
    unittest.main()
