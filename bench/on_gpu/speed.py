"""bench/gpu speed: the pipeline against its parts."""

import json
import pathlib
import subprocess
import sys
import tempfile

from on_gpu.common import PARSERS, add_program, codec_of, join


def speed_arguments(parser):
    parser.add_argument("--model", required=True)
    parser.add_argument("--clip", action="append", required=True)
    parser.add_argument("--streams", default="8,32,64,128")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--infer", default="", help="more properties of sluiceinfer")
    parser.add_argument("--sides", default="decode,pipeline,drawing")
    parser.add_argument("--rounds", type=int, default=12, help="how often a clip is joined to itself")
    parser.add_argument("--warm-up", type=float, default=4)
    parser.add_argument("--seconds", type=float, default=5)
    add_program(parser, "bench/time_pipeline")


def speed(options):
    """Frames a second of decoders, pipeline and drawing, with N file streams.

  decode    the hardware decoders alone, into CUDA memory
  pipeline  decode -> sluicemux -> sluiceinfer -> sluicetracker -> sluicemetasink
  drawing   the same with sluiceosd, on the device
Each is a process of its own; its clock starts --warm-up seconds after its first frame. `sluice build MODEL --layers`
measures the engine alone.
"""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for clip in options.clip:
            codec = codec_of(clip)
            long = join(clip, codec, options.rounds, folder)
            for streams in map(int, options.streams.split(",")):
                for side in options.sides.split(","):
                    result = measure(options, long, codec, streams, side, folder)
                    results.append({"clip": pathlib.Path(clip).name, "streams": streams, "side": side, **result})
                    print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        print_table(results)
    return 1 if any("error" in result for result in results) else 0


def description(options, clip, codec, streams, side, folder):
    parse, decoder = PARSERS[codec]
    source = (f"filesrc location={clip} ! qtdemux ! {parse} ! {decoder} ! "
              "video/x-raw(memory:CUDAMemory) ! queue max-size-buffers=2 max-size-bytes=0 max-size-time=0 ! ")
    if side == "decode":
        return (source + "fakesink sync=false ") * streams
    # In a thread of its own, so that results of the next batch are read meanwhile.
    drawing = "queue max-size-buffers=2 max-size-bytes=0 max-size-time=0 ! sluiceosd ! " if side == "drawing" else ""
    # Frames are given back as soon as they are drawn: what comes after that is not of this project.
    chain = (f"sluicemux name=m batch-size={min(options.batch, streams)} ! "
             f"sluiceinfer model={options.model} device=cuda precision={options.precision} "
             f"batch-size={min(options.batch, streams)} {options.infer} ! sluicetracker ! {drawing}"
             f"sluicemetasink location={folder}/out.jsonl sync=false ")
    return chain + "".join(f"{source} m.sink_{i} " for i in range(streams))


def measure(options, clip, codec, streams, side, folder):
    line = description(options, clip, codec, streams, side, folder)
    done = subprocess.run([options.program, line, "0", str(options.warm_up), str(options.seconds)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"error": done.stderr[-600:]}
    return json.loads(done.stdout.splitlines()[-1])


def print_table(results):
    print("| clip | streams | decode | pipeline | with drawing |\n|---|---|---|---|---|")
    rows = {}
    for result in results:
        rows.setdefault((result["clip"], result["streams"]), {})[result["side"]] = result.get("fps")
    for (clip, streams), fps in rows.items():
        cells = [f"{fps[side]:,.0f}" if fps.get(side) else "-" for side in ("decode", "pipeline", "drawing")]
        print(f"| {clip} | {streams} | " + " | ".join(cells) + " |")
