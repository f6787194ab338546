#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/infer/calibration.h"

namespace sluice::infer {

/// A file of `sluice calibrate`. kNotFound, kIo; kCorrupt with the line where it is no such file,
/// cut off, changed by hand into nonsense, or of a version that this program does not know.
Result<Calibration> read_calibration(const std::string& path);

/// Whole or not at all. kInvalidArgument where a range could not be read back (not finite, without
/// 0).
Result<void> write_calibration(const Calibration& calibration, const std::string& path);

/// SHA-256 of what changes the numbers that int8 computes: ranges, layers in float, bias. Not of
/// what was measured, nor of texts for people.
std::string calibration_hash(const Calibration& calibration);

/// "yolox.onnx.calibration"
std::string calibration_beside(const std::string& model);

/// The file that the options name, else the one beside the model; "" where there is none.
std::string calibration_file_of(const std::string& model, const EngineOptions& options);

/// kInvalidArgument, naming both and the way out, where the calibration was made for another model
/// than this file. Reads the whole model.
Result<void> check_belongs(const Calibration& calibration, const std::string& model);

/// The calibration that the options name for this model: options.calibration, else that in
/// calibration_file_of() (ours or a TensorRT cache). Null where there is none. Those from files are
/// checked to belong to it. `layers` are Model::quantizable(): a TensorRT cache is matched against
/// them.
Result<std::shared_ptr<const Calibration>> find_calibration(
    const std::string& model,
    const EngineOptions& options,
    const std::vector<QuantizableLayer>& layers);

/// What `precision: auto` takes: the fastest precision measured on the device that passed. Nothing
/// where none was measured there.
std::optional<MeasuredPrecision> recommended(const Calibration& calibration,
                                             const std::string& device);

/// What a calibration makes of the options.
struct DecidedPrecision {
    EngineOptions options;
    /// For Engine::description(): what `auto` took and why, that int8 was forced. "" where the
    /// calibration has no say.
    std::string note;
};

/// `precision: auto` decided, as far as a calibration that is there (not a TensorRT cache) knows
/// the device: precision and calibration are filled in. Of int8 that was forced (`sluice calibrate
/// --force`) the log warns. A calibration that cannot be used is an error where the options name it
/// and it is to decide, else a warning; of asked int8 it is told where it is needed.
Result<DecidedPrecision> decide_precision(const std::string& model,
                                          EngineOptions options,
                                          const std::string& device);

/// "AMD EPYC 9R14 96-Core Processor", "NVIDIA H100 80GB HBM3, compute capability 9.0": what a
/// device of EngineOptions::device is called, "auto" being the one that an engine would get.
/// kUnsupported without such a device.
Result<std::string> device_name(const std::string& device);

}  // namespace sluice::infer
