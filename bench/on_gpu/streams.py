"""bench/gpu start and bench/gpu leak: many streams at once."""

import contextlib
import json
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from on_gpu.common import Failed, add_program, codec_of, join


def stream_arguments(parser, rounds):
    parser.add_argument("--model", required=True)
    parser.add_argument("--clip", required=True)
    parser.add_argument("--streams", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--rounds", type=int, default=rounds, help="how often the clip is joined to itself")
    add_program(parser, "bin/sluice")


@contextlib.contextmanager
def streaming(options, folder, *words):
    """`sluice run` of the streams while it is needed; its summary goes to summary.json."""
    clip = join(options.clip, codec_of(options.clip), options.rounds, folder)
    batch = min(options.batch, options.streams)
    command = [options.program, "run", "--model", options.model, *["--source", clip] * options.streams,
               "--precision", options.precision, f"--set=models.device={options.device}",
               f"--set=mux.batch-size={batch}", f"--set=models.batch-size={batch}", "--quiet", "--json", *words]
    with open(f"{folder}/summary.json", "w") as summary, open(f"{folder}/errors.txt", "w") as errors:
        process = subprocess.Popen(command, stdout=summary, stderr=errors)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def ended(process, folder):
    """What to say of a process that ended too early."""
    errors = pathlib.Path(folder, "errors.txt").read_text().strip()[-600:]
    if process.returncode < 0:
        return Failed(f"sluice was ended by {signal.Signals(-process.returncode).name}: {errors or 'it says nothing'}")
    return Failed(f"sluice ended early with exit code {process.returncode}: "
                  f"{errors or 'perhaps the streams are too short; see --rounds'}")


def resident_mb(process):
    found = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{process.pid}/status").read_text())
    return int(found.group(1)) / 1000 if found else 0


def gpu_mb(device):
    """Memory in use on the device, whoever uses it; None for the CPU."""
    if not device.startswith("cuda") or not shutil.which("nvidia-smi"):
        return None
    number = device.partition(":")[2] or "0"
    done = subprocess.run(["nvidia-smi", "-i", number, "--query-gpu=memory.used", "--format=csv,noheader,nounits"],
                          capture_output=True, text=True, check=False)
    return float(done.stdout) * 1.048576 if done.returncode == 0 else None


def start_arguments(parser):
    stream_arguments(parser, rounds=12)
    parser.add_argument("--settle", type=float, default=5,
                        help="seconds from when all streams run to when memory is measured")


def start(options):
    """Time to the first result and to a result of each of N file streams, and memory per stream.

The clock starts with the process. Have the engine ready: `sluice build`, or an earlier run.
"""
    with tempfile.TemporaryDirectory() as folder:
        found = pathlib.Path(folder, "found.jsonl")
        before = gpu_mb(options.device)
        with streaming(options, folder, "--detections", str(found)) as process:
            begin = time.monotonic()
            first, last = times_of_streams(process, found, options.streams, folder)
            time.sleep(options.settle)
            if process.poll() is not None:
                raise ended(process, folder)
            memory, resident = gpu_mb(options.device), resident_mb(process)
    used = None if memory is None else memory - before
    result = {"streams": options.streams, "first_result_s": first - begin, "all_running_s": last - begin,
              "gpu_mb": used, "gpu_mb_per_stream": used and used / options.streams,
              "rss_mb": resident, "rss_mb_per_stream": resident / options.streams}
    print_result(options, result)


def times_of_streams(process, path, streams, folder):
    """When the first result was there, and one of each stream."""
    while not path.exists():
        if process.poll() is not None:
            raise ended(process, folder)
        time.sleep(0.01)
    seen = set()
    first = None
    rest = b""
    with open(path, "rb") as file:
        while len(seen) < streams:
            if process.poll() is not None:
                raise ended(process, folder)
            lines, _, rest = (rest + file.read()).rpartition(b"\n")
            seen.update(re.findall(rb'"source":{"id":(\d+)', lines))
            if seen and not first:
                first = time.monotonic()
            time.sleep(0.01)
    return first, time.monotonic()


def leak_arguments(parser):
    stream_arguments(parser, rounds=120)
    parser.add_argument("--seconds", type=int, default=640)
    parser.add_argument("--every", type=float, default=20, help="seconds between two samples")


def leak(options):
    """Memory of host and device while N file streams run for long, and its growth in the second half."""
    if options.seconds < 5 * options.every:
        raise Failed("--seconds: at least five times --every")
    with tempfile.TemporaryDirectory() as folder:
        with streaming(options, folder, "--tracks", f"{folder}/tracks", "--seconds", str(options.seconds)) as process:
            samples = sample(process, options)
            if process.returncode != 0 or len(samples) < options.seconds / options.every - 2:
                raise ended(process, folder)
        summary = json.loads(pathlib.Path(folder, "summary.json").read_text())
    late = samples[len(samples) // 2:]
    result = {"streams": options.streams, "fps": summary["fps"], "frames": summary["frames"],
              "rss_mb": late[-1]["rss_mb"], "rss_mb_a_minute": growth(late, "rss_mb"),
              "gpu_mb": late[-1]["gpu_mb"], "gpu_mb_a_minute": growth(late, "gpu_mb"),
              "second_half_s": late[-1]["s"] - late[0]["s"]}
    print_result(options, result, samples=samples)


def sample(process, options):
    begin = time.monotonic()
    samples = []
    while True:
        try:
            process.wait(timeout=options.every)
            return samples
        except subprocess.TimeoutExpired:
            if time.monotonic() - begin > options.seconds:
                continue  # of the end, where memory is given back
            samples.append({"s": round(time.monotonic() - begin, 1), "rss_mb": resident_mb(process),
                            "gpu_mb": gpu_mb(options.device)})
            print(json.dumps(samples[-1]), file=sys.stderr, flush=True)


def growth(samples, name):
    """A minute, by least squares."""
    if samples[0][name] is None:
        return None
    return 60 * statistics.linear_regression([s["s"] for s in samples], [s[name] for s in samples]).slope


def print_result(options, result, **more):
    if options.json:
        print(json.dumps({**result, **more}, indent=1))
        return
    for name, value in result.items():
        print(f"{name:18} {'-' if value is None else value if isinstance(value, int) else format(value, ',.2f')}")
