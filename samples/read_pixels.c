/* Prints the mean of each frame's first plane: how a program in C reads pixels, where they lie or
 * on the host.
 *
 *   read_pixels CLIP
 *
 * Needs DLPack's header (Debian: libdlpack-dev). Against an installed Sluice:
 *   cc read_pixels.c -I/usr/local/include $(pkg-config --cflags --libs gstreamer-1.0) \
 *      -L/usr/local/lib/gstreamer-1.0 -l:libgstsluice.so -Wl,-rpath,/usr/local/lib/gstreamer-1.0
 */
#include <dlpack/dlpack.h>
#include <gst/gst.h>
#include <stdio.h>

#include "sluice/gst/sluice_pixels.h"

/* Where the first plane lies: here a kernel of yours, or PyTorch, would take the tensor. */
static gboolean print_place(GstBuffer* buffer, guint frame, GError** error) {
    DLManagedTensor* managed = sluice_buffer_get_dlpack(buffer, frame, 0, error);
    if (!managed) return FALSE;
    const DLTensor* plane = &managed->dl_tensor;
    printf("%d rows of %d on %s",
           (int)plane->shape[0],
           (int)plane->shape[1],
           plane->device.device_type == kDLCUDA ? "a GPU" : "the host");
    managed->deleter(managed);
    return TRUE;
}

/* On the host: from a GPU this copies. */
static gboolean print_mean(GstBuffer* buffer, guint frame, GError** error) {
    SluicePixels pixels;
    guint64 sum = 0;
    if (!sluice_buffer_map_pixels(buffer, frame, GST_MAP_READ, &pixels, error)) return FALSE;
    for (gint y = 0; y < pixels.height; ++y) {
        const guint8* row = pixels.data[0] + y * pixels.stride[0];
        for (gint x = 0; x < pixels.width; ++x)
            sum += row[x];
    }
    printf(", %s, mean %.1f\n", pixels.format, (double)sum / pixels.width / pixels.height);
    sluice_pixels_unmap(&pixels);
    return TRUE;
}

static GstPadProbeReturn print_batch(GstPad* pad, GstPadProbeInfo* probe, gpointer unused) {
    GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(probe);
    SluiceFrameInfo info;
    (void)pad;
    (void)unused;
    for (guint frame = 0; sluice_buffer_get_frame(buffer, frame, &info); ++frame) {
        GError* error = NULL;
        printf("frame %" G_GUINT64_FORMAT ": ", info.sequence);
        if (!print_place(buffer, frame, &error) || !print_mean(buffer, frame, &error)) {
            printf("%s\n", error->message);
            g_clear_error(&error);
        }
    }
    return GST_PAD_PROBE_OK;
}

int main(int argc, char** argv) {
    GError* error = NULL;
    int code = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: read_pixels CLIP\n");
        return 2;
    }
    gst_init(NULL, NULL);
    GstElement* pipeline = gst_parse_launch(
        "sluicemux name=mux ! fakesink name=end filesrc name=clip ! decodebin ! mux.sink_0",
        &error);
    if (!pipeline) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    GstElement* clip = gst_bin_get_by_name(GST_BIN(pipeline), "clip");
    GstElement* end = gst_bin_get_by_name(GST_BIN(pipeline), "end");
    GstPad* pad = gst_element_get_static_pad(end, "sink");
    g_object_set(clip, "location", argv[1], NULL);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, print_batch, NULL, NULL);

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
    guint64 frames, bytes;
    sluice_pixels_get_copied(&frames, &bytes);
    printf("%" G_GUINT64_FORMAT " frames copied from a GPU\n", frames);
    gst_message_unref(message);
    gst_object_unref(bus);
    gst_object_unref(pad);
    gst_object_unref(end);
    gst_object_unref(clip);
    gst_object_unref(pipeline);
    return code;
}
