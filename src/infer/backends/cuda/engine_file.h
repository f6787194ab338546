#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/infer/backends/cuda/plan_cache.h"

/// What `sluice build` found out about a model on a device, as a text file: the plan of every
/// convolution. Weights stay in the model.
namespace sluice::infer::cuda {

/// What a file was made for; all of it has to fit.
struct EngineMaking {
    std::string model;      ///< model_hash()
    std::string gpu;        ///< gpu_name (peaks.h)
    std::string cudnn;      ///< "91900"
    std::string sluice;     ///< sluice_version
    std::string precision;  ///< "int8", "fp16", "fp32" or "tf32"
    std::vector<int> batches;
};

struct EngineFile {
    EngineMaking made;
    PlanNames plans;

    /// kNotFound; kCorrupt where it is no engine file, cut off, or of a version that this program
    /// does not know.
    static Result<EngineFile> read(const std::string& path);
    /// Whole or not at all.
    Result<void> write(const std::string& path) const;

    /// Why it does not fit what is wanted: "was made for model ..., this is ..."; "" where it fits.
    /// It must have all of the wanted batches.
    std::string misfit(const EngineMaking& wanted) const;
};

std::string sluice_version();

/// "yolox.onnx.fp16.cuda.engine"
std::string engine_file_beside(const std::string& model, const std::string& precision);

/// The engine file to look at: the one that the user named, else the one beside the model; "" where
/// there is none.
std::string engine_file_of(const std::string& model,
                           const std::string& named,
                           const std::string& precision);

/// The plans of the file; none, and a warning that says why, where it does not fit.
PlanNames plans_of_engine_file(const std::string& file, const EngineMaking& wanted);

}  // namespace sluice::infer::cuda
