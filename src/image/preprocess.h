#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "sluice/base/result.h"
#include "sluice/image/geometry.h"
#include "sluice/memory/image.h"
#include "sluice/memory/tensor.h"

namespace sluice::image {

enum class Fit { kStretch, kLetterbox };
enum class ChannelOrder { kRgb, kBgr, kGray };
enum class TensorLayout { kNchw, kNhwc };

constexpr int channel_count(ChannelOrder channels) {
    return channels == ChannelOrder::kGray ? 1 : 3;
}

/// What the network wants: element = (sample - mean) * scale with samples in 0..255, per channel
/// in the order of `channels`. Type kU8 is rounded and clamped.
struct PreprocessPlan {
    memory::Size size;  ///< of the network's input
    Fit fit = Fit::kStretch;
    Anchor anchor = Anchor::kTopLeft;          ///< letterbox only
    std::array<float, 3> fill{114, 114, 114};  ///< what pads the letterbox, as samples
    ChannelOrder channels = ChannelOrder::kRgb;
    std::array<float, 3> mean{0, 0, 0};
    std::array<float, 3> scale{1, 1, 1};
    TensorLayout layout = TensorLayout::kNchw;
    memory::ElementType type = memory::ElementType::kF32;  ///< kU8, kF32, kF16 or kBf16
};

/// Where a crop of the source came to lie in the network's input.
struct Placement {
    Rect crop;          ///< of the source, cut to the frame
    PixelRect content;  ///< in the network's input; the rest is fill
    float scale_x = 1;  ///< network pixels per source pixel
    float scale_y = 1;

    /// Edges and points from network pixels back to source pixels.
    float source_x(float x) const {
        return crop.left + (x - static_cast<float>(content.left)) / scale_x;
    }
    float source_y(float y) const {
        return crop.top + (y - static_cast<float>(content.top)) / scale_y;
    }
};

/// The geometry alone. A letterbox at the top left truncates the scaled extent, as YOLOX does; a
/// centred one rounds it and puts the odd pixel right and below, as Ultralytics does.
/// kInvalidArgument if nothing of the crop is inside the frame.
Result<Placement> place(memory::Size source, const Rect& crop, const PreprocessPlan& plan);

/// One fused pass from the decoder's planes to the network's tensor: crop, bilinear scaling (as
/// OpenCV's INTER_LINEAR), colour, normalisation, layout and type. Chroma is scaled at its own
/// resolution (sited at the centre of its 2x2 luma samples) and colour converted afterwards.
/// GRAY8 and packed formats are full range. kGray is luma at full range.
/// Within 1 of 255 (u8), and 1/8 of 255 (float types, and their own precision) of exact arithmetic.
/// Reentrant; does not allocate once the largest geometry was seen.
class Preprocessor {
public:
    /// kInvalidArgument for an empty size, kUnsupported for another element type.
    static Result<Preprocessor> create(const PreprocessPlan& plan);
    Preprocessor(Preprocessor&&) noexcept;
    Preprocessor& operator=(Preprocessor&&) noexcept;
    ~Preprocessor();

    const PreprocessPlan& plan() const;
    /// What run() writes.
    std::size_t output_bytes() const;

    /// Writes one image, padding included, to output_bytes() at `destination` (aligned to its
    /// element). On failure (kInvalidArgument: no such crop, or an image without pixels;
    /// kUnsupported: pixels of a device, or kP010) nothing is written.
    Result<Placement> run(const memory::ImageView& image, const Rect& crop, void* destination);
    /// The whole image.
    Result<Placement> run(const memory::ImageView& image, void* destination);

private:
    struct State;
    explicit Preprocessor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sluice::image
