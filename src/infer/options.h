#pragma once

#include <memory>
#include <string>

#include "sluice/base/fields.h"

namespace sluice::infer {

enum class Precision { kAuto, kFp32, kFp16, kBf16, kInt8, kFp8 };

struct Calibration;

/// How CUDA's way to compute each convolution is chosen.
enum class Plans { kHeuristic, kTuned };

struct EngineOptions {
    std::string device = "auto";
    Precision precision = Precision::kAuto;
    int batch_size = 1;
    int num_requests = 0;
    int device_batch = 0;
    Plans plans = Plans::kHeuristic;
    bool tf32 = false;
    std::string plan_cache;
    std::string model_engine_file;
    std::string int8_calib_file;
    /// Goes before the file; no option.
    std::shared_ptr<const Calibration> calibration;
};

}  // namespace sluice::infer

namespace sluice {

/// The numbers are those of DeepStream's network-mode.
template <>
inline constexpr auto enum_words<infer::Precision> =
    std::to_array<std::pair<std::string_view, infer::Precision>>({
        {"auto", infer::Precision::kAuto},
        {"fp32", infer::Precision::kFp32},
        {"fp16", infer::Precision::kFp16},
        {"bf16", infer::Precision::kBf16},
        {"int8", infer::Precision::kInt8},
        {"fp8", infer::Precision::kFp8},
        {"0", infer::Precision::kFp32},
        {"1", infer::Precision::kInt8},
        {"2", infer::Precision::kFp16},
        {"3", infer::Precision::kAuto},
    });

template <>
inline constexpr auto enum_words<infer::Plans> =
    std::to_array<std::pair<std::string_view, infer::Plans>>(
        {{"heuristic", infer::Plans::kHeuristic}, {"tuned", infer::Plans::kTuned}});

template <>
inline constexpr auto fields<infer::EngineOptions> = field_table(
    field(
        "device",
        &infer::EngineOptions::device,
        "where the network runs: auto (the first CUDA device, else the CPU), cpu, cuda or cuda:N"),
    field("precision",
          &infer::EngineOptions::precision,
          "arithmetic of the network: auto (what a calibration found fastest, else the device's "
          "own), fp32 (0), int8 (1), fp16 (2), bf16"),
    field("batch-size",
          &infer::EngineOptions::batch_size,
          range(1, 1024),
          "most frames (or objects) per inference"),
    field("num-requests",
          &infer::EngineOptions::num_requests,
          range(0, 64),
          "batches in flight; 0: as many as the device wants",
          Tunable::kYes),
    field("device-batch",
          &infer::EngineOptions::device_batch,
          range(0, 1024),
          "items of a batch that the device computes at once; 0: what suits it (1 on a CPU)",
          Tunable::kYes),
    field("plans",
          &infer::EngineOptions::plans,
          "CUDA's way to compute each layer: heuristic (ready in seconds) or tuned (timed on the "
          "device, once; minutes)"),
    field("tf32",
          &infer::EngineOptions::tf32,
          "let fp32 run on CUDA's matrix units, which keep 10 bits of each number"),
    field("plan-cache",
          &infer::EngineOptions::plan_cache,
          "file of what was timed, for all models; empty: sluice/plans.txt in the user's cache "
          "folder"),
    field("model-engine-file",
          &infer::EngineOptions::model_engine_file,
          "what `sluice build` made of the model; empty: the one beside it, where there is one"),
    field("int8-calib-file",
          &infer::EngineOptions::int8_calib_file,
          "what `sluice calibrate` made of the model, or a TensorRT calibration cache; empty: the "
          "one beside the model, where there is one"));

}  // namespace sluice
