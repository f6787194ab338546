#!/usr/bin/env python3
"""Checks that no source file is longer than the house allows.

  tools/check_sizes.py [ROOT]     prints each offence; exits 1 if there is one

The length of functions is clang-tidy's matter (readability-function-size). A generated file or a table
is exempt by a line of its own that says why:   // check_sizes: exempt, REASON
"""

import pathlib
import re
import subprocess
import sys

LIMIT = 800
SUFFIXES = {".h", ".cpp", ".c", ".cu", ".cuh", ".py", ".cmake"}
EXEMPT = re.compile(r"^\s*(//|#) check_sizes: exempt, \S", re.MULTILINE)


def files(root):
    """The files of the repository, or all below `root` where that is none."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "."],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [root / name for name in listed.stdout.splitlines()]
    return list(root.rglob("*"))


def check(root):
    offences = []
    for path in sorted(files(root)):
        relative = path.relative_to(root)
        if relative.parts[0] == "third_party" or not path.is_file():
            continue
        if path.suffix not in SUFFIXES and relative.parts[0] != "tools":
            continue
        text = path.read_text(errors="replace")
        lines = text.count("\n")
        if lines > LIMIT and not EXEMPT.search(text):
            offences.append(f"{relative}: {lines} lines, the limit is {LIMIT}; "
                            "which noun in it deserves a file?")
    return offences


if __name__ == "__main__":
    default = pathlib.Path(__file__).resolve().parent.parent
    found = check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default)
    print("\n".join(found) or f"check_sizes: no file above {LIMIT} lines")
    sys.exit(1 if found else 0)
