#include "sluice/infer/backends/openvino/precision.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openvino/runtime/properties.hpp>

#include "sluice/base/text.h"
#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/quantize.h"

namespace sluice::infer {
namespace {

/// OpenVINO's switch between computing FakeQuantize in integers and as it is written.
constexpr const char* kIntegers = "LP_TRANSFORMS_MODE";

/// The words of Precision that this CPU computes in, as OpenVINO names them.
std::vector<std::string> capabilities() {
    std::vector<std::string> words;
    for (const std::string& word : openvino_core().get_property("CPU", ov::device::capabilities)) {
        std::string lower = to_lower(word);
        if (lower == "fp32" || lower == "fp16" || lower == "bf16" || lower == "int8")
            words.push_back(lower);
    }
    return words;
}

struct LayerCount {
    int integer = 0;
    int all = 0;
};

/// Of what the device made of the model, layers with weights.
LayerCount count_layers(const ov::CompiledModel& compiled) {
    LayerCount count;
    for (const auto& node : compiled.get_runtime_model()->get_ops()) {
        const auto& facts = node->get_rt_info();
        const auto type = facts.find("layerType");
        const auto precision = facts.find("runtimePrecision");
        if (type == facts.end() || precision == facts.end()) continue;
        const auto kind = type->second.as<std::string>();
        if (kind != "Convolution" && kind != "FullyConnected") continue;
        const auto word = precision->second.as<std::string>();
        count.integer += word == "u8" || word == "i8" ? 1 : 0;
        ++count.all;
    }
    return count;
}

}  // namespace

Result<void> set_precision(Precision precision, const ov::Model& model, ov::AnyMap& config) {
    if (precision == Precision::kAuto) return {};
    std::vector<std::string> can = capabilities();
    std::string word = to_text(precision);
    if (std::find(can.begin(), can.end(), word) == can.end()) {
        return unsupported(
            fmt::format("option 'precision': this CPU does not compute in {}; it "
                        "can: {}",
                        word,
                        fmt::join(can, ", ")));
    }
    if (precision == Precision::kFp32 && is_quantised(model)) config[kIntegers] = "NO";
    // What int8 leaves in float is fp32: OpenVINO's own choice, bf16 where the CPU has it, would
    // round as coarsely as the 8 bits do, and the CPU would then lose more than other devices.
    config[ov::hint::inference_precision.name()] = precision == Precision::kBf16 ? ov::element::bf16
                                                   : precision == Precision::kFp16
                                                       ? ov::element::f16
                                                       : ov::element::f32;
    return {};
}

std::string precision_words(const ov::CompiledModel& compiled) {
    ov::element::Type type = compiled.get_property(ov::hint::inference_precision);
    std::string word = type == ov::element::f32    ? "fp32"
                       : type == ov::element::bf16 ? "bf16"
                       : type == ov::element::f16  ? "fp16"
                                                   : type.get_type_name();
    const LayerCount count = count_layers(compiled);
    if (count.integer == 0) return word;
    return fmt::format("int8 ({} of {} layers) and {}", count.integer, count.all, word);
}

}  // namespace sluice::infer
