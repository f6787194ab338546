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
#include "sluice/infer/preprocess_options.h"

namespace sluice::infer {

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
