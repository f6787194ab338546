#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <openvino/core/model.hpp>

#include "sluice/infer/backends/cuda/graph.h"

/// The operator tests of ONNX, as Debian's libonnx-testdata has them: a model each, with inputs and
/// what comes out of them.
namespace sluice::infer::cuda {

/// Where they are: $SLUICE_ONNX_TESTDATA, else where Debian puts them. Empty where they are absent.
std::string onnx_cases_folder();

struct OnnxCase {
    std::shared_ptr<ov::Model> model;  ///< fp32 at every input and output
    std::vector<std::vector<float>> inputs;
    std::vector<std::vector<float>> wanted;
};

struct OnnxSummary {
    int right = 0;
    std::vector<std::string> wrong;
    /// Why a case does not apply or is not supported, and the cases.
    std::map<std::string, std::vector<std::string>> left;

    std::string text() const;
};

/// Computes a case's outputs from its graph and inputs.
using OnnxRunner =
    std::function<Result<std::vector<std::vector<float>>>(Graph graph, const OnnxCase& test)>;

/// Each case below the folder that the importer takes. Inputs of other types than fp32 become
/// constants; so do all inputs but the first where the importer wants fixed ones.
OnnxSummary run_onnx_cases(const std::string& folder, float tolerance, const OnnxRunner& run);

}  // namespace sluice::infer::cuda
