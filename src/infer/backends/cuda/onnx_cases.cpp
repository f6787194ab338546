#include "sluice/infer/backends/cuda/onnx_cases.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <openvino/core/preprocess/pre_post_process.hpp>
#include <openvino/op/ops.hpp>
#include <openvino/pass/constant_folding.hpp>
#include <openvino/pass/manager.hpp>
#include <openvino/runtime/core.hpp>

#include "sluice/infer/backends/cuda/import.h"
#include "sluice/infer/backends/openvino/compile.h"

namespace sluice::infer::cuda {
namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<float>;
using Constant = ov::op::v0::Constant;

std::optional<ov::element::Type> type_of_onnx(std::uint64_t code) {
    static const std::map<std::uint64_t, ov::element::Type> types{{1, ov::element::f32},
                                                                  {2, ov::element::u8},
                                                                  {3, ov::element::i8},
                                                                  {6, ov::element::i32},
                                                                  {7, ov::element::i64},
                                                                  {9, ov::element::boolean},
                                                                  {10, ov::element::f16},
                                                                  {11, ov::element::f64}};
    auto found = types.find(code);
    if (found == types.end()) return std::nullopt;
    return found->second;
}

/// As much of protocol buffers as ONNX's TensorProto needs.
class Reader {
public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}

    bool at_end() const { return place_ >= bytes_.size(); }
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; !at_end() && shift < 64; shift += 7) {
            const auto byte = static_cast<unsigned char>(bytes_[place_++]);
            value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
            if (byte < 0x80) break;
        }
        return value;
    }
    std::string_view bytes(std::size_t size) {
        const std::string_view part = bytes_.substr(std::min(place_, bytes_.size()), size);
        place_ += size;
        return part;
    }
    std::string_view bytes() { return bytes(static_cast<std::size_t>(number())); }

private:
    std::string_view bytes_;
    std::size_t place_ = 0;
};

/// None where the tensor is of a type that we do not read, or not stored as raw bytes.
std::shared_ptr<Constant> read_tensor(const fs::path& path) {
    constexpr std::uint64_t kDims = 1;
    constexpr std::uint64_t kType = 2;
    constexpr std::uint64_t kRaw = 9;
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    const std::string bytes = content.str();
    Reader reader(bytes);
    ov::Shape shape;
    std::uint64_t type = 0;
    std::string raw;
    while (!reader.at_end()) {
        const std::uint64_t tag = reader.number();
        const std::uint64_t wire = tag & 7;
        if (wire == 0) {
            const std::uint64_t value = reader.number();
            if (tag >> 3 == kDims) shape.push_back(static_cast<std::size_t>(value));
            if (tag >> 3 == kType) type = value;
        } else if (wire == 2) {
            const std::string_view part = reader.bytes();
            if (tag >> 3 == kRaw) raw = part;
            Reader dims(part);
            while (tag >> 3 == kDims && !dims.at_end())
                shape.push_back(static_cast<std::size_t>(dims.number()));
        } else {
            reader.bytes(wire == 5 ? 4 : 8);
        }
    }
    const auto known = type_of_onnx(type);
    if (!known || raw.size() != ov::shape_size(shape) * known->size()) return nullptr;
    return std::make_shared<Constant>(*known, shape, raw.data());
}

Result<std::vector<std::shared_ptr<Constant>>> read_tensors(const fs::path& folder,
                                                            const std::string& word) {
    std::vector<std::shared_ptr<Constant>> tensors;
    for (int i = 0;; ++i) {
        const fs::path path = folder / fmt::format("{}_{}.pb", word, i);
        if (!fs::exists(path)) return tensors;
        tensors.push_back(read_tensor(path));
        if (!tensors.back()) return unsupported("data of a type that is not read here");
    }
}

/// May throw what OpenVINO throws.
Result<OnnxCase> load(const fs::path& folder, bool fixes_weights) {
    OnnxCase test;
    test.model = openvino_core().read_model((folder / "model.onnx").string());
    const auto inputs = SLUICE_TRY(read_tensors(folder / "test_data_set_0", "input"));
    for (const auto& output : SLUICE_TRY(read_tensors(folder / "test_data_set_0", "output")))
        test.wanted.push_back(output->cast_vector<float>());
    const ov::ParameterVector parameters = test.model->get_parameters();
    if (parameters.size() != inputs.size()) return unsupported("inputs that the model leaves out");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const bool stays =
            parameters[i]->get_element_type() == ov::element::f32 && !(fixes_weights && i > 0);
        if (stays) {
            parameters[i]->set_partial_shape(inputs[i]->get_shape());
            test.inputs.push_back(inputs[i]->cast_vector<float>());
        } else {
            parameters[i]->output(0).replace(inputs[i]->output(0));
            test.model->remove_parameter(parameters[i]);
        }
    }
    if (test.inputs.empty()) return unsupported("no input of fp32");
    // OpenVINO's folding writes past tensors of no elements (2026.4).
    if (std::any_of(inputs.begin(), inputs.end(), [](const auto& input) {
            return ov::shape_size(input->get_shape()) == 0;
        }))
        return unsupported("tensors of no elements");
    test.model->validate_nodes_and_infer_types();
    ov::pass::Manager manager;
    manager.register_pass<ov::pass::ConstantFolding>();
    manager.run_passes(test.model);
    if (test.model->is_dynamic()) return unsupported("shapes that the numbers decide");
    ov::preprocess::PrePostProcessor processor(test.model);
    for (std::size_t i = 0; i < test.model->outputs().size(); ++i)
        processor.output(i).tensor().set_element_type(ov::element::f32);
    test.model = processor.build();
    return test;
}

bool near(const Numbers& got, const Numbers& wanted, float tolerance) {
    auto same = [&](float a, float b) {
        if (std::isnan(b)) return std::isnan(a);
        return a == b || std::fabs(a - b) <= tolerance * (1 + std::fabs(b));
    };
    return got.size() == wanted.size() && std::equal(got.begin(), got.end(), wanted.begin(), same);
}

std::vector<Numbers> run_openvino(const OnnxCase& test) {
    auto compiled = openvino_core().compile_model(
        test.model, "CPU", ov::hint::inference_precision(ov::element::f32));
    ov::InferRequest request = compiled.create_infer_request();
    for (std::size_t i = 0; i < test.inputs.size(); ++i) {
        ov::Tensor tensor = request.get_input_tensor(i);
        std::copy(test.inputs[i].begin(), test.inputs[i].end(), tensor.data<float>());
    }
    request.infer();
    std::vector<Numbers> outputs;
    for (std::size_t i = 0; i < test.wanted.size(); ++i) {
        const ov::Tensor tensor = request.get_output_tensor(i);
        outputs.emplace_back(tensor.data<float>(), tensor.data<float>() + tensor.get_size());
    }
    return outputs;
}

/// Without the node's name, which differs from case to case.
std::string reason_of(const Error& error) {
    const auto name = error.message.find(" (");
    return error.message.starts_with("node '") && name != std::string::npos
               ? error.message.substr(name + 1)
               : error.message;
}

/// Says whether it is right; an error where the case is not for us.
Result<bool> run_case(const fs::path& folder, float tolerance, const OnnxRunner& run) {
    try {
        OnnxCase test = SLUICE_TRY(load(folder, false));
        auto graph = import_model(*test.model);
        if (!graph) {
            test = SLUICE_TRY(load(folder, true));
            graph = import_model(*test.model);
        }
        if (!graph) return graph.error();
        if (graph->nodes.empty()) return unsupported("nothing to compute");
        if (std::any_of(graph->values.begin(), graph->values.end(), [](const Value& value) {
                return memory::element_count(value.shape) == 0;
            }))
            return unsupported("tensors of no elements");
        auto result = run(std::move(*graph), test);
        if (!result)
            return result.error().code == ErrorCode::kUnsupported ? Result<bool>(result.error())
                                                                  : false;
        const auto& got = *result;
        if (got.size() != test.wanted.size())
            return unsupported("outputs that the model leaves out");
        for (std::size_t i = 0; i < got.size(); ++i) {
            if (near(got[i], test.wanted[i], tolerance)) continue;
            if (!near(got[i], run_openvino(test)[i], tolerance)) return false;
            return unsupported("OpenVINO itself comes to something else");
        }
        return true;
    } catch (const std::exception&) {
        return unsupported("OpenVINO does not read it");
    }
}

}  // namespace

std::string onnx_cases_folder() {
    const char* given = std::getenv("SLUICE_ONNX_TESTDATA");
    std::string folder = given ? given : "/usr/share/libonnx-testdata/data";
    return fs::exists(folder) ? folder : std::string();
}

std::string OnnxSummary::text() const {
    std::string text = fmt::format("{} right, {} wrong\n", right, wrong.size());
    for (const auto& [reason, cases] : left)
        text += fmt::format("{} left: {} ({} ..)\n", cases.size(), reason, cases.front());
    return text;
}

OnnxSummary run_onnx_cases(const std::string& folder, float tolerance, const OnnxRunner& run) {
    std::vector<fs::path> cases;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (fs::exists(entry.path() / "test_data_set_0")) cases.push_back(entry.path());
    }
    std::sort(cases.begin(), cases.end());
    OnnxSummary summary;
    for (const fs::path& path : cases) {
        auto right = run_case(path, tolerance, run);
        const std::string name = path.filename().string();
        if (!right) {
            summary.left[reason_of(right.error())].push_back(name);
        } else if (*right) {
            ++summary.right;
        } else {
            summary.wrong.push_back(name);
        }
    }
    return summary;
}

}  // namespace sluice::infer::cuda
