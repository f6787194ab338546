#pragma once

#include <vector>

#include "sluice/base/fields.h"
#include "sluice/image/preprocess.h"
#include "sluice/infer/engine.h"
#include "sluice/memory/image.h"

namespace sluice::infer {

enum class InputType { kAuto, kU8, kF32 };

/// How a picture becomes the network's input: written = net-scale-factor * (pixel - offset) / std,
/// pixels 0..255, offsets and std per channel in the network's order.
struct PreprocessOptions {
    std::vector<int> infer_dims;
    image::ChannelOrder model_color_format = image::ChannelOrder::kRgb;
    float net_scale_factor = 1;
    std::vector<float> offsets;
    std::vector<float> channel_std;
    bool maintain_aspect_ratio = false;
    bool symmetric_padding = false;
    int fill_value = 0;
    InputType input_type = InputType::kAuto;
};

/// Errors: lists of a length that is neither one nor that of the channels, a zero in channel-std.
Result<void> check(const PreprocessOptions& options);

/// The part that the engine folds into the network: means and scales, and the wanted type. Leaves
/// the extents to the caller (ModelFile::wanted_input).
InputAdaptation adaptation(const PreprocessOptions& options);

/// The rest, for an engine that was compiled with that adaptation: `input` is its image input.
Result<image::PreprocessPlan> plan(const PreprocessOptions& options, const TensorSpec& input);

/// Rows and columns of an image input; zero where open or no image.
memory::Size image_size(const TensorSpec& input);

}  // namespace sluice::infer

namespace sluice {

/// The numbers are those of DeepStream's model-color-format.
template <>
inline constexpr auto enum_words<image::ChannelOrder> =
    std::to_array<std::pair<std::string_view, image::ChannelOrder>>({
        {"rgb", image::ChannelOrder::kRgb},
        {"bgr", image::ChannelOrder::kBgr},
        {"gray", image::ChannelOrder::kGray},
        {"0", image::ChannelOrder::kRgb},
        {"1", image::ChannelOrder::kBgr},
        {"2", image::ChannelOrder::kGray},
    });
template <>
inline constexpr auto enum_words<infer::InputType> =
    std::to_array<std::pair<std::string_view, infer::InputType>>({
        {"auto", infer::InputType::kAuto},
        {"u8", infer::InputType::kU8},
        {"f32", infer::InputType::kF32},
    });

template <>
inline constexpr auto fields<infer::PreprocessOptions> =
    field_table(field("infer-dims",
                      &infer::PreprocessOptions::infer_dims,
                      "channels;height;width, for models that leave them open"),
                field("model-color-format",
                      &infer::PreprocessOptions::model_color_format,
                      "order of the network's channels: rgb (0), bgr (1), gray (2)"),
                field("net-scale-factor",
                      &infer::PreprocessOptions::net_scale_factor,
                      range(1e-9f, 1e9f),
                      "factor on pixel values, after the offsets were subtracted"),
                field("offsets",
                      &infer::PreprocessOptions::offsets,
                      "subtracted from pixel values (0..255), one for all or one per channel"),
                field("channel-std",
                      &infer::PreprocessOptions::channel_std,
                      "divides the scaled values, one per channel"),
                field("maintain-aspect-ratio",
                      &infer::PreprocessOptions::maintain_aspect_ratio,
                      "letterbox rather than stretch"),
                field("symmetric-padding",
                      &infer::PreprocessOptions::symmetric_padding,
                      "picture in the middle of the letterbox rather than top left"),
                field("fill-value",
                      &infer::PreprocessOptions::fill_value,
                      range(0, 255),
                      "grey of the letterbox's bars"),
                field("input-type",
                      &infer::PreprocessOptions::input_type,
                      "what the pre-processing writes: u8, f32, or the engine's choice"));

}  // namespace sluice
