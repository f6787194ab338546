#pragma once

#include <vector>

#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/upload.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {

/// Skips where there is no device; else the first one is the thread's own. `Test` is what a fixture
/// is besides.
template <class Test = testing::Test>
class OnDevice : public Test {
protected:
    void SetUp() override {
        if (memory::cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device here";
        ASSERT_TRUE(memory::cuda::use_device(0));
    }
};

/// There for every stream. Of no numbers none.
template <class T>
memory::cuda::Buffer uploaded(const std::vector<T>& numbers) {
    if (numbers.empty()) return {};
    auto buffer = memory::cuda::Buffer::create(memory::cuda::Buffer::Kind::kDevice,
                                               numbers.size() * sizeof(T))
                      .value();
    EXPECT_TRUE(upload(numbers.data(), buffer, "uploading what a test reads"));
    return buffer;
}

inline std::vector<__half> halves(const std::vector<float>& numbers) {
    std::vector<__half> made;
    for (float number : numbers)
        made.push_back(__float2half(number));
    return made;
}

}  // namespace sluice::infer::cuda
