/* The pixels of frames for code of your own: on the host, or viewed where they lie.
 *
 * Frames are those of sluice_meta.h, by their index in the buffer; planes are numbered as in the
 * format (I420: Y U V; NV12 and P010: Y UV; packed ones have one). Any thread.
 * On failure `error`, unless it is NULL, says why (domain GST_LIBRARY_ERROR). */
#ifndef SLUICE_PIXELS_H
#define SLUICE_PIXELS_H

#include "sluice/gst/sluice_meta.h"

G_BEGIN_DECLS

typedef struct {
    const gchar* format; /* GStreamer's name of it; YV12 is told as I420, planes in that order */
    gint width, height;  /* of these pixels, which may not be the processing resolution */
    guint plane_count;
    guint8* data[3];  /* by plane; read only, unless mapped for writing */
    gssize stride[3]; /* bytes from row to row */
    gpointer mapping; /* ours */
} SluicePixels;

/* Maps a frame into host memory. A frame of a GPU is copied, once: that is the classic way to lose
 * the GPU's speed, so it is counted and the first one is told on standard error.
 * `access` is GST_MAP_READ or GST_MAP_READWRITE; to write, nobody else may hold the buffer or the
 * frame. Hold the buffer until sluice_pixels_unmap(), which every success needs. */
SLUICE_API gboolean sluice_buffer_map_pixels(
    GstBuffer* buffer, guint frame, GstMapFlags access, SluicePixels* pixels, GError** error);
SLUICE_API void sluice_pixels_unmap(SluicePixels* pixels);

/* How many frames and bytes the function above copied from GPUs in this process so far. */
SLUICE_API void sluice_pixels_get_copied(guint64* frames, guint64* bytes);

/* A plane where it lies, without a copy, as DLPack tells it (<dlpack/dlpack.h>): on kDLCUDA with
 * the device's number, or on kDLCPU. Its shape is [rows, columns], with a third extent where a
 * column has several values (UV: 2; RGB: 3; RGBA: 4); uint8, or uint16 for P010; strides count
 * elements. Device pixels are complete, and lie in the device's primary context. NULL on failure.
 *
 * The tensor belongs to the caller, who hands it on or calls its deleter; that may be after the
 * buffer is gone, on any thread. Read only: others see the same pixels. Until the deleter is
 * called the frame is not used again, so finish reading first (wait for your CUDA stream), and
 * hold few, for some decoders have few. */
struct DLManagedTensor;
SLUICE_API struct DLManagedTensor* sluice_buffer_get_dlpack(GstBuffer* buffer,
                                                            guint frame,
                                                            guint plane,
                                                            GError** error);

G_END_DECLS

#endif
