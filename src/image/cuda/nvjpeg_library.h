#pragma once

#include <nvjpeg.h>

#include "sluice/base/result.h"

namespace sluice::image::cuda {

/// What we call of nvJPEG.
struct NvJpeg {
    decltype(&nvjpegCreateEx) create;
    decltype(&nvjpegDestroy) destroy;
    decltype(&nvjpegGetHardwareDecoderInfo) hardware_info;
    decltype(&nvjpegJpegStateCreate) state_create;
    decltype(&nvjpegJpegStateDestroy) state_destroy;
    decltype(&nvjpegDecode) decode;
    decltype(&nvjpegDecodeBatchedInitialize) batched_initialize;
    decltype(&nvjpegDecodeBatched) decode_batched;
    decltype(&nvjpegDecodeBatchedSupported) batched_supported;
    decltype(&nvjpegJpegStreamCreate) stream_create;
    decltype(&nvjpegJpegStreamDestroy) stream_destroy;
    decltype(&nvjpegJpegStreamParseHeader) stream_parse_header;
};

/// The library, opened once and never closed; $SLUICE_NVJPEG may name it, or its folder.
/// kUnsupported where it is not found. Thread-safe.
Result<const NvJpeg*> nvjpeg();

}  // namespace sluice::image::cuda
