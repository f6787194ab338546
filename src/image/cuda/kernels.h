#pragma once

#include <cuda_runtime_api.h>

/// The room's kernels as plain functions, each of which queues one launch, and what they are told.
/// Included by nvcc: nothing but plain numbers.
namespace sluice::image::cuda {

/// Everything about a launch travels in the kernel's parameters (at most 32,764 bytes): nothing to
/// allocate, to copy or to keep alive until the kernel is done.
inline constexpr int kMostPictures = 64;

/// How a picture's bytes are fetched. kRgb and kRgba are any order of 3 and 4 bytes.
enum class Kind : unsigned char { kNv12, kP010, kI420, kRgb, kRgba, kGray };

/// Output i lies at (at + i * step) / 2^32 samples, between `low` and `last` (detail/axis.h).
struct Line {
    long long at = 0;
    long long step = 0;
    int low = 0;
    int last = 0;
};
struct Grid {
    Line x;
    Line y;
};

/// A crop of a source and where it goes in the output. Colour as in detail/color.h, for samples in
/// 0..255.
struct Picture {
    const unsigned char* plane[3] = {};
    int pitch[3] = {};
    Kind kind = Kind::kNv12;
    bool blue_first = false;
    Grid luma;    ///< or the only plane
    Grid chroma;  ///< YUV only
    float gain = 1;
    float offset = 0;
    float red_v = 0;
    float green_u = 0;
    float green_v = 0;
    float blue_u = 0;
    int left = 0;
    int top = 0;
    int right = 0;
    int bottom = 0;
};

enum class Element : unsigned char { kU8, kF16, kBf16, kF32 };

/// One picture per item of a tensor: number = sample * scale + bias, by channel of the network.
struct PreprocessArgs {
    void* destination = nullptr;  ///< of the first item; aligned to 16 bytes
    Element type = Element::kU8;
    int count = 0;
    int width = 0;
    int height = 0;
    int channels = 3;         ///< or 1: luma
    int stored_channels = 0;  ///< of NHWC: 1, 3, 4 or 8; the rest is zeros. 0: NCHW
    bool blue_first = false;
    float fill[3] = {};  ///< as samples
    float scale[3] = {};
    float bias[3] = {};
    Picture picture[kMostPictures];
};
void launch_preprocess(const PreprocessArgs& args, cudaStream_t stream);

/// Pictures into rectangles of one NV12 (or I420) picture.
struct ScaleArgs {
    unsigned char* plane[3] = {};
    int pitch[3] = {};
    bool planar = false;  ///< I420
    float luma_offset = 0;
    float luma[3] = {};  ///< parts of red, green and blue
    float u[3] = {};
    float v[3] = {};
    int count = 0;
    bool same_colors[kMostPictures] = {};  ///< samples of YUV pass unchanged
    Picture picture[kMostPictures];
};
void launch_scale(const ScaleArgs& args, cudaStream_t stream);

/// `columns` times the same one or two bytes, in each of `rows`.
struct FillArgs {
    unsigned char* plane = nullptr;
    int pitch = 0;
    int columns = 0;
    int rows = 0;
    int bytes_per_column = 1;
    unsigned char bytes[2] = {};
};
void launch_fill(const FillArgs& args, cudaStream_t stream);

}  // namespace sluice::image::cuda
