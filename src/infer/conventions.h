#pragma once

#include "sluice/infer/model_file.h"

namespace sluice::infer {

/// What the family of a recognised head usually wants, for everything that neither the model's file
/// nor the user says. Private to the room.
void apply_conventions(const HeadLayout& head,
                       std::span<const TensorSpec> outputs,
                       PreprocessOptions& preprocess,
                       PostprocessOptions& postprocess);

/// Of classifiers that see 0..1 without a mean, as Ultralytics'.
void use_unit_range(PreprocessOptions& preprocess);

}  // namespace sluice::infer
