#pragma once

#include <string>

#include <gst/gst.h>

#include "sluice/app/description.h"

/// Which decoders decodebin takes for a source, and in whose memory they leave the frames.
namespace sluice::app::detail {

/// What a source wants of its decoder.
struct DecoderChoice {
    DecoderKind kind = DecoderKind::kAuto;
    int device = memory::kHostMemory;  ///< where the frames are wanted
};

/// True when the decoder runs on a CUDA device and can leave frames in its memory.
bool is_cuda_decoder(GstElementFactory* factory);
/// The device that it runs on: GStreamer has a factory for each.
int cuda_device_of(GstElementFactory* factory);

/// Is the decoder (or what else decodebin may add: then yes) one for this choice, and before the
/// others? Hardware comes first for frames that are wanted on a device, last for those that are
/// not and for JPEG, since NVDEC is slower at it than a CPU (bench/README.md); decoders of other
/// devices and of the kind that was ruled out are not taken at all.
enum class Place { kFirst, kLast, kNever };
Place place_of(GstElementFactory* factory, const DecoderChoice& choice);

/// Is a decoder of pictures among them?
bool has_decoder(const GValueArray* factories);
/// For decodebin's `autoplug-sort`: the factories in that order, `best` (may be null) before the
/// first decoder; to be freed by the caller. Null, which changes nothing, where no decoder would be
/// left: decodebin is not made for an empty list, so its `autoplug-select` has to refuse them.
GValueArray* sort_decoders(const GValueArray* factories,
                           const DecoderChoice& choice,
                           GstElementFactory* best = nullptr);

/// Is it JPEG that is wanted on a device, by a hardware decoder if there is one?
bool wants_jpeg_engine(GstCaps* caps, const DecoderChoice& choice);

/// For decodebin's `autoplug-query`: tells a CUDA decoder which memory is wanted, while nothing is
/// linked to it yet. False where the question is another one.
bool answer_query(GstElement* decoder, GstQuery* query, const DecoderChoice& choice);

/// "H.264 (main)"
std::string codec_name(GstCaps* caps);

}  // namespace sluice::app::detail
