#include "sluice/infer/backends/openvino/verify.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <openvino/core/preprocess/pre_post_process.hpp>
#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>

#include "sluice/infer/backends/openvino/compile.h"

namespace sluice::infer {
namespace {

/// A request with every tensor in f32, so that one kind of number is compared.
ov::InferRequest request_for(const std::shared_ptr<const ov::Model>& model) {
    ov::preprocess::PrePostProcessor processor(model->clone());
    for (std::size_t i = 0; i < model->inputs().size(); ++i)
        processor.input(i).tensor().set_element_type(ov::element::f32);
    for (std::size_t i = 0; i < model->outputs().size(); ++i)
        processor.output(i).tensor().set_element_type(ov::element::f32);
    auto compiled = openvino_core().compile_model(
        processor.build(),
        "CPU",
        ov::hint::inference_precision(ov::element::f32),
        ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY));
    return compiled.create_infer_request();
}

bool near(const float* a, const float* b, std::size_t count) {
    constexpr float kTolerance = 1e-3f;  // of the larger number; summation order differs
    for (std::size_t i = 0; i < count; ++i) {
        float scale = std::max(1.0f, std::max(std::fabs(a[i]), std::fabs(b[i])));
        if (!(std::fabs(a[i] - b[i]) <= kTolerance * scale)) return false;
    }
    return true;
}

}  // namespace

bool items_agree(const std::shared_ptr<const ov::Model>& one,
                 const std::shared_ptr<const ov::Model>& many) {
    ov::InferRequest single = request_for(one);
    ov::InferRequest batched = request_for(many);
    std::mt19937 random(1);
    std::uniform_real_distribution<float> pixel(0, 255);
    for (std::size_t i = 0; i < many->inputs().size(); ++i) {
        ov::Tensor tensor = batched.get_input_tensor(i);
        std::generate_n(tensor.data<float>(), tensor.get_size(), [&] { return pixel(random); });
    }
    batched.infer();
    std::size_t batch = batched.get_input_tensor(0).get_shape()[0];
    for (std::size_t item = 0; item < batch; ++item) {
        for (std::size_t i = 0; i < one->inputs().size(); ++i) {
            ov::Tensor tensor = single.get_input_tensor(i);
            const float* from = batched.get_input_tensor(i).data<float>();
            std::memcpy(
                tensor.data<float>(), from + item * tensor.get_size(), tensor.get_byte_size());
        }
        single.infer();
        for (std::size_t i = 0; i < one->outputs().size(); ++i) {
            ov::Tensor tensor = single.get_output_tensor(i);
            const float* other = batched.get_output_tensor(i).data<float>();
            if (!near(tensor.data<float>(), other + item * tensor.get_size(), tensor.get_size()))
                return false;
        }
    }
    return true;
}

}  // namespace sluice::infer
