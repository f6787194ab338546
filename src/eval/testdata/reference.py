"""Makes the small cases of this folder and their reference numbers.

    reference.py TRACKEVAL_CHECKOUT   (a Python with numpy, scipy, pycocotools)

TrackEval 12c8791, numpy 2.4.6, scipy 1.17.1, pycocotools 2.0.11 made what is here. With a second
argument, a folder of real data (tracking/, tracker-reference/), makes real.expected.json instead.
"""
import contextlib, gzip, io, json, os, pathlib, random, sys

sys.path.insert(0, sys.argv[1])
import numpy as np

for name, kind in (("float", float), ("int", int), ("bool", bool)):
    if name not in np.__dict__:
        setattr(np, name, kind)
import trackeval
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = pathlib.Path(__file__).resolve().parent
WORK = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / "sluice-eval-reference"


def score(truths, results, benchmark):
    """{name: text} twice -> {name: {metric: number}}, COMBINED_SEQ included."""
    for name in truths:
        (WORK / "gt" / f"{benchmark}-train" / name / "gt").mkdir(parents=True, exist_ok=True)
        (WORK / "gt" / f"{benchmark}-train" / name / "gt" / "gt.txt").write_text(truths[name])
        (WORK / "tr" / f"{benchmark}-train" / "x" / "data").mkdir(parents=True, exist_ok=True)
        (WORK / "tr" / f"{benchmark}-train" / "x" / "data" / f"{name}.txt").write_text(results[name])
    last = {n: max(int(r.split(",")[0]) for r in (truths[n] + results[n]).split()) for n in truths}
    config = trackeval.datasets.MotChallenge2DBox.get_default_dataset_config()
    config.update(GT_FOLDER=str(WORK / "gt"), TRACKERS_FOLDER=str(WORK / "tr"), BENCHMARK=benchmark,
                  SPLIT_TO_EVAL="train", TRACKERS_TO_EVAL=["x"], PRINT_CONFIG=False, SEQ_INFO=last,
                  DO_PREPROC=benchmark != "MOT15")
    evaluation = trackeval.Evaluator.get_default_eval_config()
    evaluation.update(PRINT_CONFIG=False, PRINT_RESULTS=False, TIME_PROGRESS=False, OUTPUT_SUMMARY=False,
                      OUTPUT_DETAILED=False, PLOT_CURVES=False, BREAK_ON_ERROR=True)
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR({"PRINT_CONFIG": False}),
               trackeval.metrics.Identity({"PRINT_CONFIG": False})]
    with contextlib.redirect_stdout(io.StringIO()):
        out, _ = trackeval.Evaluator(evaluation).evaluate(
            [trackeval.datasets.MotChallenge2DBox(config)], metrics)
    table = {}
    for name, row in out["MotChallenge2DBox"]["x"].items():
        row = row["pedestrian"]
        h, c, i = row["HOTA"], row["CLEAR"], row["Identity"]
        table[name] = {k: float(np.mean(h[k])) for k in
                       ("HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA")}
        table[name] |= {k: float(c[k]) for k in ("MOTA", "MOTP", "CLR_Re", "CLR_Pr", "CLR_FP", "CLR_FN",
                                                 "IDSW", "Frag", "MT", "PT", "ML")}
        table[name] |= {k: float(i[k]) for k in ("IDF1", "IDP", "IDR")}
    return table


def invent_tracks(seed, classes):
    """People that walk, and a tracker that misses, swaps, drifts and sees ghosts."""
    rng = random.Random(seed)
    truth, results = [], []
    people = [(rng.uniform(0, 500), rng.uniform(0, 300), rng.uniform(-6, 6), rng.uniform(-3, 3),
               rng.randint(1, 20), rng.randint(25, 45)) for _ in range(9)]
    ids = {p: p + 1 for p in range(9)}
    for frame in range(1, 46):
        if rng.random() < 0.25:
            a, b = rng.sample(range(9), 2)
            ids[a], ids[b] = ids[b], ids[a]
        if rng.random() < 0.2:
            ids[rng.randrange(9)] = 100 + frame
        for p, (x, y, vx, vy, first, last) in enumerate(people):
            if not first <= frame <= last:
                continue
            left, top = x + vx * frame, y + vy * frame
            flag = 0 if p == 8 or rng.random() < 0.03 else 1
            kind = (1, 1, 1, 1, 1, 7, 8, 6, 1)[p] if classes else -1
            truth.append(f"{frame},{p + 1},{left:.2f},{top:.2f},60,150,{flag},{kind},1")
            if rng.random() < 0.85 and frame % 15:
                n = lambda s: rng.gauss(0, s)
                results.append(f"{frame},{ids[p]},{left + n(9):.2f},{top + n(12):.2f},"
                               f"{60 + n(6):.2f},{150 + n(12):.2f},{rng.random():.3f},-1,-1,-1")
        if rng.random() < 0.3 and frame != 30:
            results.append(f"{frame},{500 + frame // 9},{rng.uniform(0, 500):.2f},"
                           f"{rng.uniform(0, 300):.2f},60,150,0.5,-1,-1,-1")
    return "\n".join(truth) + "\n", "\n".join(results) + "\n"


def invent_detections(seed):
    rng = random.Random(seed)
    images = [{"id": i * 7 + 3, "file_name": f"{i * 7 + 3}.jpg", "width": 640, "height": 480} for i in range(12)]
    categories = [{"id": c, "name": n} for c, n in ((1, "person"), (3, "car"), (18, "dog"), (44, "bottle"))]
    annotations, results = [], []
    for image in images:
        for _ in range(rng.randint(0, 9)):
            side = rng.choice((14, 60, 200))
            w, h = side * rng.uniform(0.6, 1.5), side * rng.uniform(0.6, 1.5)
            x, y = rng.uniform(0, 640 - w), rng.uniform(0, max(1, 480 - h))
            category = rng.choice((1, 1, 1, 3, 18))
            annotations.append({"id": len(annotations) + 1, "image_id": image["id"], "category_id": category,
                                "bbox": [round(v, 2) for v in (x, y, w, h)],
                                "area": round(w * h * rng.uniform(0.5, 1), 2),
                                "iscrowd": int(rng.random() < 0.1)})
            for _ in range(rng.choice((0, 1, 1, 1, 2))):
                results.append({"image_id": image["id"], "category_id": category if rng.random() < 0.9 else 3,
                                "bbox": [round(v + rng.gauss(0, side * 0.06), 2) for v in (x, y, w, h)],
                                "score": round(rng.random(), 2)})
        for _ in range(rng.randint(0, 4) + (130 if image["id"] == 10 else 0)):
            results.append({"image_id": image["id"], "category_id": 1 if image["id"] == 10 else rng.choice((1, 3, 18, 44, 99)),
                            "bbox": [round(rng.uniform(0, 400), 2), round(rng.uniform(0, 300), 2),
                                     round(rng.uniform(5, 200), 2), round(rng.uniform(5, 150), 2)],
                            "score": round(rng.random() * 0.8, 2)})
    truth = {"images": images, "categories": categories, "annotations": annotations}
    return truth, results


def coco_numbers(truth, results):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(results), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    per_class = {}
    for k, category in enumerate(run.params.catIds):
        p = run.eval["precision"][:, :, k, 0, 2]
        per_class[str(category)] = [float(p.mean()), float(p[0].mean())]
    return {"stats": [float(v) for v in run.stats], "classes": per_class}


def main():
    if len(sys.argv) > 2:
        data, real = pathlib.Path(sys.argv[2]), {}
        for tracker in sorted((data / "tracker-reference/results").iterdir()):
            files = sorted(tracker.glob("*.txt.gz"))
            name = lambda f: f.name[:-7]
            truths = {name(f): gzip.open(data / "tracking" / name(f) / "gt.txt.gz", "rt").read() for f in files}
            table = score(truths, {name(f): gzip.open(f, "rt").read() for f in files}, "MOT15")
            real[tracker.name] = table
        (HERE / "real.expected.json").write_text(json.dumps(real, indent=1) + "\n")
        return
    for benchmark, seeds in (("MOT15", (1, 2)), ("MOT17", (3, 4)), ("MOT20", (3, 4))):
        truths, results = {}, {}
        for seed in seeds:
            truths[f"s{seed}"], results[f"s{seed}"] = invent_tracks(seed, seed > 2)
            (HERE / f"s{seed}.gt.txt").write_text(truths[f"s{seed}"])
            (HERE / f"s{seed}.txt").write_text(results[f"s{seed}"])
        (HERE / f"{benchmark.lower()}.expected.json").write_text(
            json.dumps(score(truths, results, benchmark), indent=1) + "\n")
    truth, results = invent_detections(5)
    (HERE / "coco.gt.json").write_text(json.dumps(truth) + "\n")
    (HERE / "coco.results.json").write_text(json.dumps(results) + "\n")
    (HERE / "coco.expected.json").write_text(json.dumps(coco_numbers(truth, results), indent=1) + "\n")


main()
