"""docs/reference/elements.md is what the elements say of themselves."""

import shutil
import unittest

from support import BUILD, ROOT, run


@unittest.skipUnless((BUILD / "lib/gstreamer-1.0").exists(), f"no plug-in in {BUILD}")
@unittest.skipUnless(shutil.which("gst-inspect-1.0"), "no gst-inspect-1.0 here")
class ElementsPage(unittest.TestCase):
    def test_is_what_the_elements_say(self):
        done = run(ROOT / "tools/describe_elements", BUILD, "--check")
        self.assertEqual(done.returncode, 0, done.stderr)
