#!/usr/bin/env python3
"""Runs the examples of the documentation and follows its links.

  tools/check_docs.py [--links] [FILE.md ...]     default: README.md, docs/ and the rooms' READMEs

A fenced block opened by ```sh run is an example: it runs by bash in the repository's root and must
succeed, with build/bin on PATH and the plug-in known to GStreamer. --links only follows the links, which
needs no build.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIMEOUT_S = 300
EXAMPLE = re.compile(r"^```sh run\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)")


def dead_links(path, text):
    links = LINK.findall(CODE.sub("", text))
    return [f"{path}: the link {link} leads nowhere" for link in links
            if "://" not in link and not (path.parent / link).exists()]


def environment():
    build = ROOT / "build"
    return dict(os.environ, PATH=f"{build / 'bin'}:{os.environ['PATH']}",
                GST_PLUGIN_PATH=str(build / "lib/gstreamer-1.0"))


def failed_examples(path, text):
    failures = []
    for match in EXAMPLE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        print(f"check_docs: {path}:{line}", flush=True)
        try:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", match[1]], cwd=ROOT,
                                  env=environment(), stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=TIMEOUT_S, check=False)
            code, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired:
            code, output = f"none: stopped after {TIMEOUT_S} s", ""
        if code != 0:
            tail = "\n".join(output.splitlines()[-20:])
            failures.append(f"{path}:{line}: the example fails (exit code {code})\n"
                            f"{match[1]}{tail}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--links", action="store_true", help="only follow the links")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    files = arguments.files or [ROOT / "README.md", ROOT / "CONTRIBUTING.md",
                                *sorted((ROOT / "docs").rglob("*.md")),
                                *sorted((ROOT / "src").glob("*/README.md"))]
    failures = []
    for path in files:
        text = path.read_text()
        failures += dead_links(path, text)
        if not arguments.links:
            failures += failed_examples(path, text)
    print("\n".join(failures) or f"check_docs: {len(files)} pages in order")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
