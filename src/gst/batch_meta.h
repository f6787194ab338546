#pragma once

#include <vector>

#include <gst/video/video.h>

#include "sluice/base/result.h"
#include "sluice/gst/handles.h"
#include "sluice/meta/frame.h"

namespace sluice::gst {

/// The pixels of one frame of a batch, by reference.
struct FramePixels {
    BufferRef buffer;  ///< empty: the buffer that carries the metadata holds the pixels itself
    GstVideoInfo info;
    GstClockTime running_time = GST_CLOCK_TIME_NONE;
};

/// A batch as it travels: what is known and where the pixels are, index by index.
struct BatchPayload {
    meta::Batch batch;
    std::vector<FramePixels> pixels;
};

/// The payload of a buffer (owned by its metadata), or null where it has none. Change it only when
/// the buffer is writable: copies of a buffer have deep copies of the payload.
BatchPayload* find_payload(GstBuffer* buffer);

/// Gives the buffer, which must be writable, this payload in place of the one it may have.
BatchPayload& attach_payload(GstBuffer* buffer, BatchPayload payload);

/// The payload of a buffer of batches; kInvalidArgument where it has none.
Result<BatchPayload*> batch_payload(GstBuffer* buffer);

/// The same; but where `info` is known (plain video), a frame without payload gets one with a
/// single frame, numbered by `next_sequence`, which is counted up. The buffer must be writable.
Result<BatchPayload*> ensure_payload(GstBuffer* buffer,
                                     const GstVideoInfo& info,
                                     std::uint64_t& next_sequence);

/// The buffer that holds the pixels of frame `index`: one of the batch, or the carrier itself.
GstBuffer* pixel_buffer(GstBuffer* carrier, const BatchPayload& payload, std::size_t index);

}  // namespace sluice::gst
