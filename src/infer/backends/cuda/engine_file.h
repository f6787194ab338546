#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/infer/backends/cuda/plan_cache.h"

/// What was found out about a model on a device, as a text file: the plan of every convolution.
/// Weights stay in the model.
namespace sluice::infer::cuda {

/// What a file was made for; all of it has to fit.
struct EngineMaking {
    std::string model;      ///< model_hash()
    std::string gpu;        ///< gpu_name (device_facts.h)
    std::string cudnn;      ///< "91900"
    std::string sluice;     ///< sluice_version
    std::string precision;  ///< "int8", "fp16", "fp32" or "tf32"
    std::vector<int> batches;
    std::string input{};        ///< "640x640", as the model's description has it; it may be open
    std::string calibration{};  ///< its hash, for int8; else ""
};

struct EngineFile {
    EngineMaking made;
    PlanNames plans;
    std::string source{};  ///< whole_path() of the model; "": not known

    /// kNotFound; kCorrupt where it is no engine file, damaged, or of a version that this program
    /// does not know.
    static Result<EngineFile> read(const std::string& path);
    /// Whole or not at all, whoever else writes it at the same time.
    Result<void> write(const std::string& path) const;

    /// Why it does not fit what is wanted: "it was made for model ..., this is ..."; "" where it
    /// fits. It must have all of the wanted batches.
    std::string misfit(const EngineMaking& wanted) const;
    /// The same of all but the batches.
    std::string stale(const EngineMaking& wanted) const;
};

/// Of a file, from the root on, links followed.
std::string whole_path(const std::string& path);

/// 16 hexadecimal digits. It tells texts apart, it keeps no secrets.
std::string text_hash(std::string_view text);

std::string sluice_version();

/// "yolox.onnx.fp16.cuda.engine"
std::string engine_file_beside(const std::string& model, const std::string& precision);

/// The engine file to look at: the one that the user named, else the one beside the model; "" where
/// there is none.
std::string engine_file_of(const std::string& model,
                           const std::string& named,
                           const std::string& precision);

}  // namespace sluice::infer::cuda
