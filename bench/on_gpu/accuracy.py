"""bench/gpu accuracy: what is found on a device, against the CPU."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from on_gpu.common import ROOT, Failed, add_program

TRACKERS = {"sort": "min-detector-confidence", "bytetrack": "track-thresh", "ocsort": "det-thresh"}
MAP_BOUNDS = {"fp32": 0.002}
MAP_BOUND = 0.005  # of other precisions
HOTA_BOUND = 0.3


def accuracy_arguments(parser):
    data = os.environ.get("SLUICE_TEST_DATA", ROOT.parent / "shared/data")
    parser.add_argument("--data", type=pathlib.Path, default=data, help="the folder of test data")
    parser.add_argument("--scored", type=pathlib.Path, metavar="FOLDER",
                        help="images/ and labels/ in place of coco-val64, as by bench/more_pictures.py")
    parser.add_argument("--model", action="append", metavar="FILE[:OPTION=VALUE]..",
                        help="may be repeated; by default YOLOX-nano and FastestDet of the data, and centernet as "
                             "tools/get_model makes it")
    parser.add_argument("--tracked", help="the model whose boxes are tracked (default: YOLOX-nano of the data)")
    parser.add_argument("--clip", default=str(ROOT / ".cache/vtest.avi"), help="PETS09-S2L1, as by tools/get_clip")
    parser.add_argument("--sides", default="cpu:fp32,cuda:fp32,cuda:fp16",
                        help="DEVICE:PRECISION,..; the first is what the others are held against")
    add_program(parser, "bin/sluice")


def accuracy(options):
    """mAP on coco-val64 and HOTA on PETS on several devices; exit code 1 where they differ.

Allowed are 0.002 of mAP in fp32, 0.005 in other precisions, and 0.3 of HOTA.
"""
    yolox = options.data / "models/yolox_nano/yolox_nano.onnx"
    # The overlap is that of YOLOX's own evaluation.
    models = options.model or [f"{yolox}:nms-iou-threshold=0.65", options.data / "models/fastestdet/FastestDet.onnx",
                               ROOT / ".cache/models/centernet.onnx"]
    tasks = [(f"mAP {pathlib.Path(str(model).split(':')[0]).stem}", find_ap, str(model)) for model in models]
    tasks += [(f"HOTA {name}", find_hota, name) for name in TRACKERS]
    options.tracked = options.tracked or yolox
    sides = options.sides.split(",")
    results = []
    for name, find, subject in tasks:
        for side in sides:
            results.append({"what": name, "side": side, **found_by(find, options, subject, side)})
            print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    judge(results, sides[0])
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        print_accuracy(results, sides)
    return 0 if all(result["good"] for result in results) else 1


def found_by(find, options, subject, side):
    try:
        with tempfile.TemporaryDirectory() as folder:
            return {"value": find(options, subject, side, folder)}
    except Failed as failed:
        return {"value": None, "error": str(failed)}


def find_ap(options, model, side, folder):
    file, *settings = model.split(":")
    images = options.scored or options.data / "detection/coco-val64"
    analyse(options, side, file, images / "images", ["pre-cluster-threshold=0.001", *settings],
            "--tracker", "none", "--detections", f"{folder}/found.jsonl")
    return json.loads(sluice(options, "eval", "detections", images, f"{folder}/found.jsonl", "--names",
                             options.data / "detection/coco.names", "--json"))["ap"]


def find_hota(options, tracker, side, folder):
    analyse(options, side, options.tracked, options.clip, ["pre-cluster-threshold=0.05", "nms-iou-threshold=0.45"],
            "--tracker", tracker, "--tracks", folder, "--set=tracker.operate-on-class-ids=0",
            f"--set=tracker.{TRACKERS[tracker]}=0.5")
    truth = options.data / "tracking/PETS09-S2L1/gt.txt.gz"
    tracks = f"{folder}/{pathlib.Path(options.clip).stem}.txt"
    scores = json.loads(sluice(options, "eval", "mot", truth, tracks, "--json"))
    return 100 * scores["sequences"][0]["hota"]["hota"]


def analyse(options, side, model, source, settings, *words):
    device, _, precision = side.rpartition(":")
    settings = [f"--set=models.{setting}" for setting in (f"device={device}", *settings)]
    sluice(options, "run", "--model", model, "--source", source, "--precision", precision, "--quiet", *settings, *words)


def sluice(options, *words):
    done = subprocess.run([options.program, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr.strip()[-600:])
    return done.stdout


def judge(results, reference):
    """Adds `bound` and `good` to each."""
    values = {result["what"]: result["value"] for result in results if result["side"] == reference}
    for result in results:
        precision = result["side"].rpartition(":")[2]
        hota = result["what"].startswith("HOTA")
        result["bound"] = HOTA_BOUND if hota else MAP_BOUNDS.get(precision, MAP_BOUND)
        both = (result["value"], values[result["what"]])
        result["good"] = None not in both and abs(both[0] - both[1]) <= result["bound"]


def print_accuracy(results, sides):
    print("| | " + " | ".join(sides) + " |\n|---" + "|---" * len(sides) + "|")
    rows = {}
    for result in results:
        value = "failed" if result["value"] is None else f"{result['value']:.4f}"
        rows.setdefault(result["what"], []).append(value if result["good"] else f"**{value}**")
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")
    for result in results:
        if not result["good"]:
            why = result.get("error", f"more than {result['bound']} from {sides[0]}")
            print(f"FAIL  {result['what']}, {result['side']}: {why}")
