#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/config/value.h"
#include "sluice/infer/classifier.h"
#include "sluice/infer/heads/head.h"
#include "sluice/infer/labels.h"
#include "sluice/infer/postprocess.h"

namespace sluice::infer {

/// Numbers as DeepStream's model-color-format.
enum class ColorOrder { kRgb = 0, kBgr = 1, kGray = 2 };
enum class InputType { kAuto, kU8, kF32 };

/// How a picture becomes the network's input: written = net-scale-factor * (pixel - offset) / std,
/// pixels 0..255, offsets and std per channel in the network's order.
struct PreprocessOptions {
    std::vector<int> infer_dims;
    ColorOrder model_color_format = ColorOrder::kRgb;
    float net_scale_factor = 1;
    std::vector<float> offsets;
    std::vector<float> channel_std;
    bool maintain_aspect_ratio = false;
    bool symmetric_padding = false;
    int fill_value = 0;
    InputType input_type = InputType::kAuto;
};

/// The part that the engine folds into the network.
InputAdaptation adaptation(const PreprocessOptions& options);

/// Everything about a model but its weights.
struct ModelDescription {
    HeadLayout head;
    memory::Size input;  ///< of the network's image
    PreprocessOptions preprocess;
    PostprocessOptions postprocess;
    ClassifierOptions classifier;
    Labels labels;        ///< complete: every class of a detector has one
    std::string summary;  ///< for people: head, why, where labels and options came from
};

/// What the file beside a model says, plus what the user sets over it. A family's conventions fill
/// what neither names, so a bare model needs no file. Options are those of PreprocessOptions,
/// HeadOptions, PostprocessOptions and ClassifierOptions, flat; ClassAttributes in the groups
/// class-attrs-all (or flat) and class-attrs-N; labels as `labelfile-path` or inline as `labels`.
class ModelFile {
public:
    /// No file: only conventions and what is set.
    ModelFile() = default;
    /// NAME.yaml or NAME.onnx.yaml beside NAME.onnx; the empty ModelFile when there is neither.
    static Result<ModelFile> beside(const std::string& model_path);
    static Result<ModelFile> read(const std::string& path);
    /// From memory; `path` names it in errors, and paths inside are relative to its folder.
    static Result<ModelFile> parse(std::string_view text, const std::string& path);

    /// Sets one option over the file, e.g. from a property; "class-attrs-N.NAME" for one class.
    /// Nothing changes on failure.
    Result<void> set(std::string_view option, std::string_view text);

    /// "" where there is none.
    const std::string& path() const { return path_; }
    /// The input extents that the file or the user wants of a model that leaves them open.
    memory::Size wanted_input() const;

    /// The whole picture, once the network's inputs and outputs are known.
    Result<ModelDescription> describe(
        std::span<const TensorSpec> inputs,
        std::span<const TensorSpec> outputs,
        std::span<const std::pair<std::string, std::string>> metadata = {}) const;

private:
    std::string path_;
    config::Value root_;
};

/// All option names of a model's file, for help and properties.
std::vector<std::string_view> model_option_names();

}  // namespace sluice::infer

namespace sluice {

template <>
inline constexpr auto enum_words<infer::ColorOrder> =
    std::to_array<std::pair<std::string_view, infer::ColorOrder>>({
        {"rgb", infer::ColorOrder::kRgb},
        {"bgr", infer::ColorOrder::kBgr},
        {"gray", infer::ColorOrder::kGray},
        {"0", infer::ColorOrder::kRgb},
        {"1", infer::ColorOrder::kBgr},
        {"2", infer::ColorOrder::kGray},
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
