#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/infer/options.h"

/// What `sluice build` does: chooses how a device computes each layer of a model, keeps that in an
/// engine file, and measures.
namespace sluice::infer {

class ModelFile;

struct BuildOptions {
    std::vector<int> batches{1};
    std::string file;     ///< what is written; "": beside the model, "MODEL.fp16.cuda.engine"
    bool layers = false;  ///< measure each layer too
    /// Called every few seconds while plans are timed; may be empty.
    std::function<void(const std::string&)> progress{};
    /// Called, in another thread, where a plan does not end. Nothing can stop it, so build_engine()
    /// does not come back: end the process. Empty: the log says so.
    std::function<void(const std::string&)> stuck{};
};

struct LayerTime {
    std::string name;
    std::string kind;         ///< "Conv 3x3 s1 64->64 on 80x80"
    std::string plan;         ///< cuDNN's, or "own kernel"
    double milliseconds = 0;  ///< run by itself, again and again
    double operations = 0;    ///< floating-point, a multiply-add as two
    double bytes = 0;         ///< read and written at the least
};

struct BatchTime {
    int batch = 1;
    double ready_seconds = 0;  ///< from the model's file to the first run
    double milliseconds = 0;   ///< of a batch, from device memory to device memory
    double images_per_second = 0;
    std::size_t memory_bytes = 0;  ///< weights, and what one request needs on the device
    std::vector<LayerTime> layers;
};

struct EngineBuild {
    std::string file;
    std::string device;
    std::string precision;
    double peak_tflops = 0;  ///< at the highest clock; 0: not known
    double peak_gigabytes_per_second = 0;
    std::vector<BatchTime> batches;
};

/// `file` is the model's description. options.batch_size counts for nothing. kUnsupported without
/// CUDA, its driver, a device or cuDNN, and for devices that need no building. kIo, before anything
/// is tried out, where the file cannot be written.
Result<EngineBuild> build_engine(const std::string& model,
                                 const ModelFile& file,
                                 const EngineOptions& options,
                                 const BuildOptions& build);

}  // namespace sluice::infer
