"""What the commands of bench/gpu share."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARSERS = {"video/x-h264": ("h264parse", "nvh264dec"), "video/x-h265": ("h265parse", "nvh265dec")}


class Failed(Exception):
    """A program that was measured ended badly; says how."""


def add_program(parser, name):
    build = ROOT / ("build/dev" if (ROOT / "build/dev").exists() else "build")
    parser.add_argument("--program", default=str(build / name))


def codec_of(clip):
    """The caps' name of the clip's video."""
    if not pathlib.Path(clip).exists():
        raise Failed(f"{clip}: no such file")
    text = subprocess.run(["gst-launch-1.0", "-v", "filesrc", f"location={clip}", "!", "qtdemux", "!", "fakesink",
                           "num-buffers=1"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"caps = (video/x-h26[45])", text)
    if not found:
        raise Failed(f"{clip}: no H.264 or HEVC in MP4")
    return found.group(1)


def join(clip, codec, rounds, folder):
    path = f"{folder}/{pathlib.Path(clip).stem}.mp4"
    parse = PARSERS[codec][0]
    one = f"filesrc location={clip} ! qtdemux ! {parse} ! c. "
    line = f"concat name=c ! {parse} ! mp4mux ! filesink location={path} " + one * rounds
    subprocess.run(["gst-launch-1.0", "-q", *line.split()], check=True)
    return path
