#include "meta_reader.h"

#include "sluice/gst/sluice_meta.h"

double sluice_test_sum_widths(GstBuffer* buffer) {
    double sum = 0;
    guint frames = sluice_buffer_frame_count(buffer);
    SluiceFrameInfo frame;
    SluiceObjectInfo object;
    for (guint f = 0; f < frames; ++f) {
        if (!sluice_buffer_get_frame(buffer, f, &frame)) return -1;
        if (sluice_buffer_get_pixels(buffer, f) == NULL) return -1;
        for (guint o = 0; o < frame.object_count; ++o) {
            if (!sluice_buffer_get_object(buffer, f, o, &object)) return -1;
            if (object.label == NULL) return -1;
            sum += object.box.width;
        }
        if (sluice_buffer_get_object(buffer, f, frame.object_count, &object)) return -1;
    }
    if (sluice_buffer_get_frame(buffer, frames, &frame)) return -1;
    if (sluice_buffer_get_pixels(buffer, frames) != NULL) return -1;
    return sum;
}
