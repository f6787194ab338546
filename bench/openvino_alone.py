"""OpenVINO on the model and nothing else: no video, no boxes. Called by bench/compare.

  openvino_alone.py MODEL FRAMES REQUESTS PRECISION
"""

import json
import sys
import time

import numpy
import openvino

model, frames, requests, precision = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
options = {"PERFORMANCE_HINT": "THROUGHPUT"}
if precision == "fp32":
    options["INFERENCE_PRECISION_HINT"] = "f32"
compiled = openvino.Core().compile_model(model, "CPU", options)

pictures = numpy.random.default_rng(1).uniform(0, 255, compiled.input(0).shape).astype("float32")
waiting = [compiled.create_infer_request() for _ in range(requests)]
for request in waiting:
    request.set_input_tensor(openvino.Tensor(pictures.copy()))
    request.start_async()

# The oldest is waited for and started again; the clock runs from the first result to the last.
for index in range(frames):
    request = waiting[index % requests]
    request.wait()
    if index == 0:
        begin = time.monotonic()
    if index + requests < frames:
        request.start_async()
seconds = time.monotonic() - begin
print(json.dumps({"frames": frames, "seconds": seconds, "fps": (frames - 1) / seconds,
                  "precision": str(compiled.get_property("INFERENCE_PRECISION_HINT"))}))
