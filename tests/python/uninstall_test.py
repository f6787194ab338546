"""`make uninstall` removes what was installed, and nothing else."""

from support import ROOT, InFolder, run


class Uninstall(InFolder):
    def test_removes_the_listed_files_and_the_folders_of_its_own(self):
        ours = self.write("usr/lib/sluice/openvino/a.so", "")
        program = self.write("usr/bin/sluice", "")
        other = self.write("usr/lib/other.so", "")
        manifest = self.write("manifest.txt", "/usr/lib/sluice/openvino/a.so\n/usr/bin/sluice")
        done = run(ROOT / "tools/uninstall", manifest, self.folder)
        self.assertEqual(done.stdout, "uninstall: removed 2 files\n")
        self.assertFalse(ours.parent.parent.exists())
        self.assertFalse(program.exists())
        self.assertTrue(program.parent.exists())
        self.assertTrue(other.exists())

    def test_says_when_nothing_was_installed(self):
        done = run(ROOT / "tools/uninstall", self.folder / "manifest.txt")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing was installed", done.stderr)
