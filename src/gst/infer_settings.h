#pragma once

#include <map>
#include <string>

#include "sluice/base/fields.h"
#include "sluice/infer/runner.h"
#include "sluice/infer/secondary.h"
#include "sluice/memory/image.h"

namespace sluice::gst {

enum class IntervalUnit { kBatch, kSource };

/// What the user sets on sluiceinfer. The options of the model's description (thresholds,
/// pre-processing, head) are properties too; those set are kept as text in `description`.
struct InferSettings {
    std::string model;
    std::string config_file_path;
    int unique_id = 1;
    int process_mode = 1;
    int interval = 0;
    IntervalUnit interval_unit = IntervalUnit::kBatch;
    bool output_tensor_meta = false;
    int batch_size = 0;  ///< stands for the engine's, which knows no 0

    infer::EngineOptions engine;
    infer::SecondaryOptions secondary;
    std::map<std::string, std::string> description;
};

/// Batches of whole frames per request when batch-size is 0, chosen by measurement (docs/design).
inline constexpr int kAutoBatch = 1;

/// Reads the model's description and puts the settings over it.
Result<infer::RunnerOptions> runner_options(const InferSettings& settings);

/// The device from whose memory the network reads frames, as far as can be told before the model is
/// loaded; memory::kHostMemory where it reads them on the host.
int likely_device(const InferSettings& settings);

}  // namespace sluice::gst

namespace sluice {

template <>
inline constexpr auto enum_words<gst::IntervalUnit> =
    std::to_array<std::pair<std::string_view, gst::IntervalUnit>>(
        {{"batch", gst::IntervalUnit::kBatch}, {"source", gst::IntervalUnit::kSource}});

template <>
inline constexpr auto fields<gst::InferSettings> = field_table(
    field("model", &gst::InferSettings::model, "the network: ONNX, OpenVINO IR, TFLite, ..."),
    field("config-file-path",
          &gst::InferSettings::config_file_path,
          "the model's description (YAML); empty: the one beside the model, where there is one"),
    field("unique-id",
          &gst::InferSettings::unique_id,
          range(0, 1 << 30),
          "what the objects found here carry as component id"),
    field("process-mode",
          &gst::InferSettings::process_mode,
          range(1, 2),
          "1: whole frames; 2: objects that an earlier inference found"),
    field("interval",
          &gst::InferSettings::interval,
          range(0, 1 << 20),
          "batches (or frames of each source) to skip between two inferences",
          Tunable::kYes),
    field("interval-unit",
          &gst::InferSettings::interval_unit,
          "what interval counts: batch (all sources at once) or source (each on its own)"),
    field("output-tensor-meta",
          &gst::InferSettings::output_tensor_meta,
          "keep the network's raw outputs in the metadata"),
    field("batch-size",
          &gst::InferSettings::batch_size,
          range(0, 1024),
          "most frames or objects per request; 0: what suits the device",
          Tunable::kYes));

}  // namespace sluice
