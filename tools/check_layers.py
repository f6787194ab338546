#!/usr/bin/env python3
"""Checks that includes obey the house: arrows point down, third parties keep to their place.

  tools/check_layers.py [ROOT]     prints each offence as file:line: reason; exits 1 if there is one

The rules stand in docs/design/house.md; the tables below are those rules as data.
"""

import pathlib
import re
import sys

FLOORS = {
    "base": 0,
    "config": 1, "metrics": 1,
    "memory": 2,
    "meta": 3, "image": 3,
    "mux": 4, "infer": 4, "track": 4, "osd": 4, "broker": 4, "eval": 4,
    "gst": 5,
    "app": 6,
    "tuner": 7,
    "cli": 8, "python": 8,
}

# Narrower than the floors alone would allow.
FORBIDDEN = {("gst", "eval"), ("meta", "config"), ("image", "config"),
             ("eval", "image")}

# Third party (a pattern over what is included) -> the places below src/ that may include it.
THIRD_PARTIES = [
    (r"(gst|glib|gio|glib-object)[/.]", r"(gst|app)/"),
    (r"(cuda|cudnn|npp|nvjpeg|nvml|driver_types|vector_types)", r".*/cuda/"),
    (r"(openvino|onnxruntime|NvInfer)", r"infer/backends/"),
    (r"dlpack/", r"gst/"),
    (r"yaml-cpp/", r"config/readers/"),
    (r"(librdkafka|mosquitto|amqp|hiredis)", r"broker/adapters/"),
    (r"(pybind11|nanobind)/", r"python/"),
    (r"(pango|cairo|ft2build|freetype)", r"osd/text/"),
    (r"(prometheus|opentelemetry|httplib)", r"metrics/exporters/"),
    (r"CLI/", r"cli/"),
    (r"opencv", r"$^"),
    (r"benchmark/", r".*_bench\.cpp$"),
    (r"(gtest|gmock)/", r".*(_test\.cpp|_testing\.h)$"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
SUFFIXES = {".h", ".cpp", ".cu", ".cuh", ".c"}


def room_arrow(room, included, test):
    """Why `room` may not include sluice/`included`, or None."""
    parts = included.split("/")
    target = parts[1]
    if target not in FLOORS:
        return f"there is no room {target}"
    if target == room:
        return None
    if "detail" in parts[2:-1]:
        return f"{target}/detail is {target}'s own"
    if FLOORS[target] >= FLOORS[room]:
        return f"{room} (floor {FLOORS[room]}) may not include {target} (floor {FLOORS[target]})"
    if (room, target) in FORBIDDEN and not test:
        return f"{room} may not include {target}"
    return None


def offence(place, included):
    """Why the file at `place` (below src/) may not include this, or None."""
    room = place.split("/")[0]
    if ".." in included.split("/"):
        return "an include may not climb with '..'"
    if included.startswith("sluice/") and "/" in included[len("sluice/"):]:
        return room_arrow(room, included, place.endswith(("_test.cpp", "_bench.cpp")))
    for library, where in THIRD_PARTIES:
        if re.match(library, included) and not re.match(where, place):
            return f"<{included}> may appear only in {where}"
    return None


def check(root):
    source = root / "src"
    offences = []
    for path in sorted(source.rglob("*")):
        if path.suffix not in SUFFIXES:
            continue
        place = path.relative_to(source).as_posix()
        if place.split("/")[0] not in FLOORS:
            offences.append(f"src/{place}: its room has no floor in tools/check_layers.py")
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            reason = match and offence(place, match[1])
            if reason:
                offences.append(f"src/{place}:{number}: {reason}")
    return offences


if __name__ == "__main__":
    default = pathlib.Path(__file__).resolve().parent.parent
    found = check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default)
    print("\n".join(found) or "check_layers: every arrow points down")
    sys.exit(1 if found else 0)
