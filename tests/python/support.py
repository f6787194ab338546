"""What the tests of the tools share."""

import functools
import importlib.machinery
import importlib.util
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build"))
PROGRAM = BUILD / "bin/sluice"


def load(name):
    """A script of tools/ as a module."""
    path = str(ROOT / "tools" / name)
    loader = importlib.machinery.SourceFileLoader(name.replace(".", "_"), path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def run(*command, **options):
    return subprocess.run([str(word) for word in command], text=True, capture_output=True,
                          timeout=120, check=False, **options)


@functools.cache
def fetched(tool, name):
    """A file below .cache that a tool of ours gets; skips where it cannot, as without a network."""
    path = ROOT / ".cache" / name
    try:
        done = run(ROOT / "tools" / tool, path)
    except subprocess.TimeoutExpired:
        raise unittest.SkipTest(f"tools/{tool} takes too long to get {name}") from None
    if done.returncode != 0:
        raise unittest.SkipTest(f"tools/{tool} cannot get {name}: {done.stderr.strip()}")
    return path


class InFolder(unittest.TestCase):
    """A test with an empty folder of its own: self.folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path
