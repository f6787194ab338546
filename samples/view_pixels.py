#!/usr/bin/env python3
"""Prints each frame's first plane as PyTorch sees it, or NumPy where there is no PyTorch: without a copy.

  view_pixels.py LIBGSTSLUICE PIPELINE

PIPELINE is what comes before sluicemux, such as 'filesrc location=clip.mp4 ! decodebin'; GST_PLUGIN_PATH is
the folder of the library, unless it is installed. Only ctypes is used; a program that has GStreamer's Python
bindings gives Plane the buffer's address, hash(buffer).
"""

import ctypes
import sys

try:
    from torch import from_dlpack
except ImportError:
    from numpy import from_dlpack

gst = ctypes.CDLL("libgstreamer-1.0.so.0")
app = ctypes.CDLL("libgstapp-1.0.so.0")
for function in (gst.gst_parse_launch, gst.gst_bin_get_by_name, gst.gst_sample_get_buffer,
                 gst.gst_element_get_bus, gst.gst_bus_pop_filtered, app.gst_app_sink_try_pull_sample):
    function.restype = ctypes.c_void_p
app.gst_app_sink_try_pull_sample.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
capsule = ctypes.pythonapi.PyCapsule_New
capsule.restype = ctypes.py_object
capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class Tensor(ctypes.Structure):
    """The head of DLPack's DLManagedTensor."""
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int), ("device_id", ctypes.c_int)]


class Error(ctypes.Structure):
    """GLib's GError."""
    _fields_ = [("domain", ctypes.c_uint32), ("code", ctypes.c_int), ("message", ctypes.c_char_p)]


class Plane:
    """A plane of a frame, for from_dlpack(), once: who takes it keeps the frame until he lets go."""

    def __init__(self, library, buffer, frame, plane):
        get = library.sluice_buffer_get_dlpack
        get.restype = ctypes.POINTER(Tensor)
        get.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p]
        self.tensor = get(buffer, frame, plane, None)
        if not self.tensor:
            raise ValueError(f"there is no plane {plane} of frame {frame} to be viewed")

    def __dlpack_device__(self):
        return self.tensor.contents.device_type, self.tensor.contents.device_id

    def __dlpack__(self, **_):  # the pixels are complete: any stream may read them
        return capsule(ctypes.cast(self.tensor, ctypes.c_void_p), b"dltensor", None)


def start(text):
    """The pipeline, running; ends the program where the text is no pipeline."""
    error = ctypes.POINTER(Error)()
    pipeline = ctypes.c_void_p(gst.gst_parse_launch(text.encode(), ctypes.byref(error)))
    if error:
        sys.exit(f"view_pixels: {error.contents.message.decode()}")
    gst.gst_element_set_state(pipeline, 4)  # GST_STATE_PLAYING
    return pipeline


def samples(pipeline):
    """What reaches the appsink, to its end; ends the program by an error of any element."""
    bus = ctypes.c_void_p(gst.gst_element_get_bus(pipeline))
    end = ctypes.c_void_p(gst.gst_bin_get_by_name(pipeline, b"end"))
    while True:
        ended = app.gst_app_sink_is_eos(end)  # asked first: an error comes before the end that it causes
        if message := gst.gst_bus_pop_filtered(bus, 2):  # GST_MESSAGE_ERROR
            error, details = ctypes.POINTER(Error)(), ctypes.c_char_p()
            gst.gst_message_parse_error(ctypes.c_void_p(message), ctypes.byref(error), ctypes.byref(details))
            gst.gst_element_set_state(pipeline, 1)  # GST_STATE_NULL
            sys.exit(f"view_pixels: {error.contents.message.decode()}\n{(details.value or b'').decode()}")
        if ended:
            return
        if sample := app.gst_app_sink_try_pull_sample(end, 100_000_000):  # 0.1 s
            yield ctypes.c_void_p(sample)
            gst.gst_mini_object_unref(ctypes.c_void_p(sample))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    library = ctypes.CDLL(sys.argv[1])
    gst.gst_init(None, None)
    pipeline = start(f"{sys.argv[2]} ! sluicemux ! appsink name=end sync=false max-buffers=2")
    for sample in samples(pipeline):
        buffer = gst.gst_sample_get_buffer(sample)
        for frame in range(library.sluice_buffer_frame_count(ctypes.c_void_p(buffer))):
            plane = from_dlpack(Plane(library, buffer, frame, 0))
            print(tuple(plane.shape), plane.dtype, plane.device, "largest", int(plane.max()))
    gst.gst_element_set_state(pipeline, 1)  # GST_STATE_NULL


if __name__ == "__main__":
    main()
