"""The loop that a careful user would write in Python. Called by bench/compare.

  python_loop.py STYLE REQUESTS MODEL FRAMES VIDEO...        FRAMES of each video, looped

OpenCV decodes and letterboxes in a thread per stream; OpenVINO takes the bytes as they are (its own
pre-processing turns them into floats) and runs asynchronously; numpy decodes YOLOX, OpenCV suppresses,
supervision's ByteTrack follows. Thresholds are those of `sluice run`.

  STYLE fifo     the oldest request is waited for; its boxes are made while the others run
  STYLE queue    AsyncInferQueue; boxes are made in its callbacks, tracked in order
"""

import json
import os
import queue
import sys
import threading
import time
import warnings

import cv2
import numpy
import openvino
from openvino.preprocess import PrePostProcessor

warnings.filterwarnings("ignore")  # supervision announces that ByteTrack will move
import supervision  # noqa: E402

SIZE, SCORE, OVERLAP = 416, 0.25, 0.45


def letterbox(picture):
    height, width = picture.shape[:2]
    ratio = min(SIZE / height, SIZE / width)
    size = round(width * ratio), round(height * ratio)
    canvas = numpy.full((1, SIZE, SIZE, 3), 114, numpy.uint8)
    cv2.resize(picture, size, dst=canvas[0, :size[1], :size[0]])
    return canvas, ratio


def read(video, frames, out):
    capture = cv2.VideoCapture(video)
    for _ in range(frames):
        good, picture = capture.read()
        if not good:
            capture = cv2.VideoCapture(video)  # from the start
            good, picture = capture.read()
        out.put(letterbox(picture))


class Yolox:
    def __init__(self):
        cells, strides = [], []
        for stride in (8, 16, 32):
            y, x = numpy.mgrid[:SIZE // stride, :SIZE // stride]
            cells.append(numpy.stack((x, y), -1).reshape(-1, 2))
            strides.append(numpy.full((cells[-1].shape[0], 1), stride))
        self.cells = numpy.concatenate(cells).astype("float32")
        self.strides = numpy.concatenate(strides).astype("float32")

    def decode(self, rows, ratio):
        # No score exceeds its objectness, so few rows remain.
        keep = numpy.flatnonzero(rows[:, 4] > SCORE)
        rows = rows[keep]
        scores = rows[:, 5:] * rows[:, 4:5]
        classes = scores.argmax(1)
        scores = scores[numpy.arange(len(rows)), classes]
        scale = self.strides[keep] / ratio
        centers = (rows[:, :2] + self.cells[keep]) * scale
        sizes = numpy.exp(rows[:, 2:4]) * scale
        corners = centers - sizes / 2
        boxes = numpy.concatenate((corners, sizes), 1)
        kept = cv2.dnn.NMSBoxesBatched(boxes, scores, classes, SCORE, OVERLAP)
        kept = numpy.asarray(kept, int).reshape(-1)
        return supervision.Detections(
            xyxy=numpy.concatenate((corners, corners + sizes), 1)[kept],
            confidence=scores[kept], class_id=classes[kept])


class Results:
    """Follows the objects, frame after frame, however the requests end. Locks for itself."""

    def __init__(self, streams):
        self.trackers = [supervision.ByteTrack() for _ in range(streams)]
        self.counts = [0] * streams
        self.objects = 0
        self.early = {}
        self.next = 0
        self.lock = threading.Lock()

    def add(self, index, detections):
        with self.lock:
            self.early[index] = detections
            while self.next in self.early:
                self.take(self.next % len(self.trackers), self.early.pop(self.next))
                self.next += 1

    def take(self, stream, detections):
        self.objects += len(self.trackers[stream].update_with_detections(detections))
        self.counts[stream] += 1
        self.last = time.monotonic()
        if self.next == 0:
            self.first = self.last


def run_fifo(compiled, requests, frames, yolox, results):
    ring = [compiled.create_infer_request() for _ in range(requests)]
    running = [None] * requests

    def finish(slot):
        if running[slot] is None:
            return
        index, ratio, _ = running[slot]
        ring[slot].wait()
        results.add(index, yolox.decode(ring[slot].get_output_tensor().data[0], ratio))
        running[slot] = None

    for index, (canvas, ratio) in enumerate(frames):
        slot = index % requests
        finish(slot)
        ring[slot].set_input_tensor(openvino.Tensor(canvas, shared_memory=True))
        ring[slot].start_async()
        # The tensor only borrows the canvas, which has to live until the request has ended.
        running[slot] = index, ratio, canvas
    for slot in range(index + 1, index + 1 + requests):
        finish(slot % requests)


def run_queue(compiled, requests, frames, yolox, results):
    asynchronous = openvino.AsyncInferQueue(compiled, requests)

    def done(request, what):
        index, ratio, _ = what
        results.add(index, yolox.decode(request.get_output_tensor().data[0], ratio))

    asynchronous.set_callback(done)
    for index, (canvas, ratio) in enumerate(frames):
        # The tensor only borrows the canvas, which has to live until the request has ended.
        asynchronous.start_async({0: openvino.Tensor(canvas, shared_memory=True)},
                                 (index, ratio, canvas))
    asynchronous.wait_all()


def main():
    style, requests, path, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    videos = sys.argv[5:]
    cv2.setNumThreads(1)  # the streams' threads are enough
    core = openvino.Core()
    steps = PrePostProcessor(core.read_model(path))
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    compiled = core.compile_model(steps.build(), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})

    queues = [queue.Queue(4) for _ in videos]
    for video, out in zip(videos, queues):
        threading.Thread(target=read, args=(video, count, out), daemon=True).start()
    frames = (out.get() for _ in range(count) for out in queues)
    results = Results(len(videos))
    {"fifo": run_fifo, "queue": run_queue}[style](compiled, requests, frames, Yolox(), results)
    seconds = results.last - results.first
    total = sum(results.counts)
    print(json.dumps({"frames": total, "lowest": min(results.counts), "seconds": seconds,
                      "fps": (total - 1) / seconds, "objects": results.objects}), flush=True)
    # AsyncInferQueue waits for its last callback with Python's lock in hand when it is destroyed.
    os._exit(0)


main()
