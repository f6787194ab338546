#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/infer/calibration.h"

/// The text that TensorRT keeps what it calibrated in: "TRT-8502-EntropyCalibration2", then a line
/// "tensor: 3c010a14" for each tensor, the float's bits in hexadecimal, big end first.
namespace sluice::infer {

struct TensorrtCache {
    std::string version;    ///< "8502"
    std::string algorithm;  ///< "EntropyCalibration2", "MinMaxCalibration"
    /// What one of the 127 steps of int8 spans: the largest number / 127.
    std::vector<std::pair<std::string, float>> scales;
};

/// Does the file begin as such a cache? False where it cannot be read.
bool is_tensorrt_cache(const std::string& path);

/// kNotFound; kCorrupt with the line.
Result<TensorrtCache> read_tensorrt_cache(const std::string& path);
/// `name` stands for the file in errors.
Result<TensorrtCache> parse_tensorrt_cache(std::string_view text, const std::string& name);

/// Whole or not at all.
Result<void> write_tensorrt_cache(const TensorrtCache& cache, const std::string& path);

/// Symmetric ranges for the tensors that the layers read; depthwise layers stay in float
/// (precision is lost most there). Layers whose tensor the cache does not have are named in one
/// warning and stay in float. kInvalidArgument where it has none of them: "a cache of another
/// model". `name` is the cache's, for messages.
Result<Calibration> calibration_of(const TensorrtCache& cache,
                                   const std::vector<QuantizableLayer>& layers,
                                   const std::string& name);

/// For TensorRT and DeepStream: the larger side of each range.
TensorrtCache tensorrt_cache_of(const Calibration& calibration);

}  // namespace sluice::infer
