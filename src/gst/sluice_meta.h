/* What Sluice knows of the frames in a GstBuffer, for anyone who writes C (or binds to it).
 *
 * A buffer carries one frame (caps video/x-raw) or a batch (caps application/x-sluice-batch).
 * The functions read the buffer's metadata; they take no reference and the strings that they
 * give live as long as the process. Call them while you hold the buffer; any thread.
 * Boxes are in pixels of the frame's processing resolution (width x height). */
#ifndef SLUICE_META_H
#define SLUICE_META_H

#include <gst/gst.h>

#define SLUICE_API __attribute__((visibility("default")))

G_BEGIN_DECLS

#define SLUICE_BATCH_CAPS "application/x-sluice-batch"
#define SLUICE_UNTRACKED G_MAXUINT64

typedef struct {
    gfloat left, top, width, height;
} SluiceBox;

typedef struct {
    guint32 source_id;
    guint64 sequence;                 /* 0-based frame number of the source */
    gint64 pts;                       /* nanoseconds in the source's stream; G_MININT64: none */
    gint width, height;               /* processing resolution: the space of all boxes */
    gint source_width, source_height; /* as decoded */
    gboolean inference_done;          /* FALSE: skipped by interval, or no model has seen it */
    guint object_count;
} SluiceFrameInfo;

typedef struct {
    SluiceBox box; /* the tracker's where tracked, else the detector's */
    gint32 class_id;
    const gchar* label; /* "" when the model has no labels */
    guint32 component_id;
    SluiceBox detector_box; /* zero-sized when the track had no detection in this frame */
    gfloat score;
    guint64 track_id; /* SLUICE_UNTRACKED when no tracker has seen it */
    gfloat tracker_confidence;
    gint32 parent; /* index of the object it was found on, or -1 */
} SluiceObjectInfo;

/* Frames in the buffer; 0 when it has no Sluice metadata. */
SLUICE_API guint sluice_buffer_frame_count(GstBuffer* buffer);
/* FALSE when there is no such frame. */
SLUICE_API gboolean sluice_buffer_get_frame(GstBuffer* buffer, guint frame, SluiceFrameInfo* info);
/* FALSE when there is no such object. */
SLUICE_API gboolean sluice_buffer_get_object(GstBuffer* buffer,
                                             guint frame,
                                             guint object,
                                             SluiceObjectInfo* info);
/* The frame's pixels: borrowed from `buffer`, which is itself the answer when it carries one
 * frame; NULL when there is no such frame. */
SLUICE_API GstBuffer* sluice_buffer_get_pixels(GstBuffer* buffer, guint frame);

G_END_DECLS

#endif
