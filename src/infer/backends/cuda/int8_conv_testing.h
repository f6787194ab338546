#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include <cuda_fp16.h>

#include "sluice/infer/backends/cuda/int8_conv.h"

/// Convolutions of 8 bits and their exact outputs.
namespace sluice::infer::cuda {

/// Whole numbers that look random.
class Random {
public:
    explicit Random(unsigned seed) : seed_(seed) {}
    int next(int low, int high) {
        seed_ = seed_ * 1664525u + 1013904223u;
        return low + static_cast<int>((seed_ >> 8) % static_cast<unsigned>(high - low + 1));
    }

private:
    unsigned seed_;
};

/// A convolution of two images, padded so that stride 1 keeps their size; without pointers.
inline Int8Conv conv_of(std::array<int, 3> in, int outputs, int kernel, int stride) {
    Int8Conv conv;
    conv.batch = 2;
    for (int i = 0; i < 2; ++i) {
        conv.kernel[i] = kernel;
        conv.stride[i] = stride;
        conv.pad_begin[i] = kernel / 2;
        conv.in[i] = in[static_cast<std::size_t>(i)];
        conv.out[i] = (conv.in[i] - 1) / stride + 1;
    }
    conv.in[2] = in[2];
    conv.out[2] = outputs;
    conv.x_pitch = in[2];
    conv.y_pitch = outputs;
    conv.operand_pitch = outputs;
    return conv;
}

/// Adds a second product, of a tensor that is as large as the output times the stride.
inline void add_second(Int8Conv& conv, int inputs, int stride) {
    for (int i = 0; i < 2; ++i) {
        conv.second.in[i] = (conv.out[i] - 1) * stride + 1;
        conv.second.stride[i] = stride;
    }
    conv.second.in[2] = inputs;
    conv.second.x_pitch = inputs;
}

inline int places_of(const Int8Conv& conv) {
    return conv.batch * conv.out[0] * conv.out[1];
}

/// A convolution with all that it reads, on the host.
struct Problem {
    Int8Conv conv;
    std::vector<std::int8_t> x, weights, x2, weights2, operand;
    std::vector<__half> operand_f16;
    std::vector<float> scale, bias, scale2;

    explicit Problem(Int8Conv conv_of_it) : conv(conv_of_it) {
        Random random(7);
        fill(x, conv.batch * conv.in[0] * conv.in[1] * conv.x_pitch, -128, random);
        const int depth = conv.kernel[0] * conv.kernel[1] * conv.in[2];
        fill(weights, depth * conv.out[2], -127, random);
        // So that real outputs are some 3 from 0.
        const float unit = 3.0f / (74 * 74 * std::sqrt(static_cast<float>(depth)));
        for (int k = 0; k < conv.out[2]; ++k) {
            scale.push_back(unit * static_cast<float>(random.next(50, 150)) / 100);
            bias.push_back(static_cast<float>(random.next(-100, 100)) / 100);
        }
        const auto operands = static_cast<std::size_t>(places_of(conv) * conv.operand_pitch);
        for (std::size_t i = 0; i < operands; ++i) {
            operand.push_back(static_cast<std::int8_t>(random.next(-128, 127)));
            operand_f16.push_back(__float2half(static_cast<float>(random.next(-300, 300)) / 100));
        }
        Int8Conv::Second& second = conv.second;
        fill(x2, conv.batch * second.in[0] * second.in[1] * second.x_pitch, -128, random);
        fill(weights2, second.in[2] * conv.out[2], -127, random);
        for (int k = 0; k < conv.out[2] && conv.has_second(); ++k)
            scale2.push_back(2.0f / (74 * 74 * std::sqrt(static_cast<float>(second.in[2]))) *
                             static_cast<float>(random.next(50, 150)) / 100);
        second.x = x2.data();
        second.weights = weights2.data();
        second.scale = scale2.data();
        conv.x = x.data();
        conv.weights = weights.data();
        conv.scale = scale.data();
        conv.bias = bias.data();
        conv.operand = conv.operand_type == Int8Conv::Number::kS8
                           ? static_cast<const void*>(operand.data())
                           : operand_f16.data();
    }

    int sum(int place, int channel) const {
        const int row = place / conv.out[1] % conv.out[0], column = place % conv.out[1];
        const int image = place / conv.out[1] / conv.out[0];
        int sum = 0;
        for (int i = 0; i < conv.kernel[0] * conv.kernel[1]; ++i) {
            const int y =
                row * conv.stride[0] - conv.pad_begin[0] + i / conv.kernel[1] * conv.dilation[0];
            const int z =
                column * conv.stride[1] - conv.pad_begin[1] + i % conv.kernel[1] * conv.dilation[1];
            const bool inside = y >= 0 && z >= 0 && y < conv.in[0] && z < conv.in[1];
            const int from = ((image * conv.in[0] + y) * conv.in[1] + z) * conv.x_pitch;
            const int weight = (channel * conv.kernel[0] * conv.kernel[1] + i) * conv.in[2];
            for (int c = 0; c < conv.in[2]; ++c)
                sum += (inside ? x[static_cast<std::size_t>(from + c)] : conv.x_outside) *
                       weights[static_cast<std::size_t>(weight + c)];
        }
        return sum;
    }

    int second_sum(int place, int channel) const {
        const Int8Conv::Second& second = conv.second;
        const int row = place / conv.out[1] % conv.out[0], column = place % conv.out[1];
        const int image = place / conv.out[1] / conv.out[0];
        const int from = ((image * second.in[0] + row * second.stride[0]) * second.in[1] +
                          column * second.stride[1]) *
                         second.x_pitch;
        int sum = 0;
        for (int c = 0; c < second.in[2]; ++c)
            sum += x2[static_cast<std::size_t>(from + c)] *
                   weights2[static_cast<std::size_t>(channel * second.in[2] + c)];
        return sum;
    }

    /// Not yet rounded and cut off.
    double number(int place, int channel) const {
        const auto k = static_cast<std::size_t>(channel);
        double real = sum(place, channel) * static_cast<double>(scale[k]) + bias[k];
        if (conv.has_second()) real += second_sum(place, channel) * static_cast<double>(scale2[k]);
        const auto at = static_cast<std::size_t>(place * conv.operand_pitch + channel);
        const double other = (conv.operand_type == Int8Conv::Number::kS8
                                  ? operand[at]
                                  : static_cast<double>(__half2float(operand_f16[at])));
        const double joined = (other - conv.operand_zero) * conv.operand_step;
        if (conv.join == Int8Conv::Join::kBeforeAct) real += joined;
        if (conv.act == Int8Conv::Act::kRelu) real = std::max(real, 0.0);
        if (conv.act == Int8Conv::Act::kSwish) real = real / (1 + std::exp(-real));
        if (conv.join == Int8Conv::Join::kAfterAct) real += joined;
        return conv.type == Int8Conv::Number::kS8 ? real / conv.step + conv.zero : real;
    }

private:
    static void fill(std::vector<std::int8_t>& numbers, int count, int low, Random& random) {
        numbers.resize(static_cast<std::size_t>(count));
        for (std::int8_t& number : numbers)
            number = static_cast<std::int8_t>(random.next(low, 127));
    }
};

/// A barrier in shared memory (mbarrier, PTX manual): who waits for a phase is told whether it is
/// even or odd like the one that is on.
class Phases {
public:
    explicit Phases(int count) : count_(count) {}
    void arrive() {
        if (++arrived_ < count_) return;
        arrived_ = 0;
        ++ended_;
    }
    bool seems_ended(int phase) const { return phase % 2 != ended_ % 2; }

private:
    int count_, arrived_ = 0, ended_ = 0;
};

}  // namespace sluice::infer::cuda
