"""bench/gpu devices: several devices against one of them."""

import json
import pathlib
import re
import subprocess
import tempfile

from on_gpu.common import Failed, add_program, codec_of, join

FRAME = re.compile(r'"source":{"id":(\d+),.*?"sequence":(\d+)')
# What rounding may do where the devices' kernels differ: they are chosen by time.
NEAR_PIXELS = 1
NEAR_SCORE = 0.01
ALONE_SHARE = 0.001  # of all boxes; some are at the threshold


def devices_arguments(parser):
    parser.add_argument("--model", required=True)
    parser.add_argument("--clip", action="append", required=True, help="may be repeated: streams take turns")
    parser.add_argument("--one", default="cuda:0")
    parser.add_argument("--several", help="default: cuda:*, or the one twice where there is one GPU alone")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32, help="of each device")
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--rounds", type=int, default=1, help="how often a clip is joined to itself")
    add_program(parser, "bin/sluice")


def devices(options):
    """The same streams on one device and on several: fps, and the boxes of each frame compared; exit code 1 where these differ.

fps count from the first batch to the last, so that decoders' starts are in it. Allowed are a pixel and 0.01 of the
score; and of all boxes 0.1 % that the other side has not.
"""
    several = options.several or ("cuda:*" if gpu_count() > 1 else f"{options.one};{options.one}")
    with tempfile.TemporaryDirectory() as folder:
        clips = [join(clip, codec_of(clip), options.rounds, folder) for clip in options.clip]
        sides = [analyse(options, clips, device, folder) for device in (options.one, several)]
    boxes = compare(*(side.pop("found") for side in sides))
    if options.json:
        print(json.dumps({"sides": sides, "boxes": boxes}, indent=1))
    else:
        for side in sides:
            print(f"{side['device']:16} {side['frames']} frames, {side['fps']:,.0f} fps, first result after "
                  f"{side['first_result_s']:.1f} s")
        print(", ".join(f"{name} {value}" for name, value in boxes.items()))
    return 0 if boxes["good"] else 1


def gpu_count():
    try:
        return subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout.count("GPU ")
    except FileNotFoundError:
        return 0


def analyse(options, clips, device, folder):
    sources = [word for i in range(options.streams) for word in ("--source", clips[i % len(clips)])]
    batch = min(options.batch, options.streams)
    found = pathlib.Path(folder, "found.jsonl")
    done = subprocess.run([options.program, "run", "--model", options.model, *sources, "--precision", options.precision,
                           f"--set=models.device={device}", f"--set=mux.batch-size={batch}",
                           f"--set=models.batch-size={batch}", "--tracker", "none", "--detections", found, "--quiet",
                           "--json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{device}: {done.stderr.strip()[-600:]}")
    summary = json.loads(done.stdout)
    lines = {FRAME.search(line).groups(): line for line in found.read_text().splitlines()}
    return {"device": device, "frames": len(lines), "fps": summary["fps"],
            "first_result_s": summary["first_result_seconds"],
            "engines": [model["engine"] for model in summary["models"]], "found": lines}


def compare(one, several):
    """Two sets of frames, lines by (source, sequence): how many are the same, and how the others differ."""
    result = {"frames": len(one), "missing": len(one.keys() ^ several.keys()), "same": 0, "near": 0, "boxes": 0, "alone": 0}
    for key in one.keys() & several.keys():
        pair = [json.loads(side[key])["objects"] for side in (one, several)]
        result["boxes"] += len(pair[0])
        alone = without_partner(*pair)
        result["alone"] += alone
        if sorted(map(str, pair[0])) == sorted(map(str, pair[1])):
            result["same"] += 1
        elif alone == 0:
            result["near"] += 1
    result["good"] = (result["frames"] > 0 and result["missing"] == 0 and
                      result["alone"] <= ALONE_SHARE * result["boxes"])
    return result


def without_partner(one, several):
    """How many boxes of either side have no like on the other."""
    left = list(several)
    alone = 0
    for box in one:
        partner = next((other for other in left if is_near(box, other)), None)
        if partner is None:
            alone += 1
        else:
            left.remove(partner)
    return alone + len(left)


def is_near(one, other):
    return (one["class_id"] == other["class_id"] and abs(one["score"] - other["score"]) <= NEAR_SCORE and
            all(abs(a - b) <= NEAR_PIXELS for a, b in zip(one["box"], other["box"])))
