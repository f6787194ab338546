/* Counts the objects in each frame of a video: how a program in C reads what Sluice knows.
 *
 *   count_objects CLIP MODEL
 *
 * Against an installed Sluice:
 *   cc count_objects.c -I/usr/local/include $(pkg-config --cflags --libs gstreamer-1.0) \
 *      -L/usr/local/lib/gstreamer-1.0 -l:libgstsluice.so -Wl,-rpath,/usr/local/lib/gstreamer-1.0
 */
#include <gst/gst.h>
#include <stdio.h>

#include "sluice/gst/sluice_meta.h"

static GstPadProbeReturn print_frame(GstPad* pad, GstPadProbeInfo* probe, gpointer unused) {
    GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(probe);
    SluiceFrameInfo frame;
    SluiceObjectInfo first;
    (void)pad;
    (void)unused;
    if (!sluice_buffer_get_frame(buffer, 0, &frame)) return GST_PAD_PROBE_OK;
    printf("frame %" G_GUINT64_FORMAT ": %u objects", frame.sequence, frame.object_count);
    if (sluice_buffer_get_object(buffer, 0, 0, &first)) printf(", one is a %s", first.label);
    printf("\n");
    return GST_PAD_PROBE_OK;
}

int main(int argc, char** argv) {
    GError* error = NULL;
    int code = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: count_objects CLIP MODEL\n");
        return 2;
    }
    gst_init(NULL, NULL);
    GstElement* pipeline = gst_parse_launch(
        "filesrc name=clip ! decodebin ! sluiceinfer name=infer ! fakesink name=end", &error);
    if (!pipeline) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    GstElement* clip = gst_bin_get_by_name(GST_BIN(pipeline), "clip");
    GstElement* infer = gst_bin_get_by_name(GST_BIN(pipeline), "infer");
    GstElement* end = gst_bin_get_by_name(GST_BIN(pipeline), "end");
    GstPad* pad = gst_element_get_static_pad(end, "sink");
    g_object_set(clip, "location", argv[1], NULL);
    g_object_set(infer, "model", argv[2], NULL);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, print_frame, NULL, NULL);

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus* bus = gst_element_get_bus(pipeline);
    GstMessage* message = gst_bus_timed_pop_filtered(
        bus, GST_CLOCK_TIME_NONE, (GstMessageType)(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &error, NULL);
        fprintf(stderr, "%s\n", error->message);
        g_clear_error(&error);
        code = 1;
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_message_unref(message);
    gst_object_unref(bus);
    gst_object_unref(pad);
    gst_object_unref(end);
    gst_object_unref(infer);
    gst_object_unref(clip);
    gst_object_unref(pipeline);
    return code;
}
