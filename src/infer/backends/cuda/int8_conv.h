#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda_runtime_api.h>

/// Our own convolution of 8-bit numbers, for layers where cuDNN's are slow: those of few channels,
/// and those with an operand. An implicit matrix product on the matrix units (compute capability
/// 8.0 and later): rows are places of the output, columns its channels, and what is summed over
/// goes window row, window column, input channel.
///
/// Numbers of a tensor lie batch, row, column, channel; `pitch` is the distance from one place to
/// the next, in numbers, so that a tensor may be a slice of a wider one's channels.
namespace sluice::infer::cuda {

struct Int8Conv {
    enum class Number : std::uint8_t { kS8, kF16 };
    enum class Act : std::uint8_t { kNone, kRelu, kSwish };
    enum class Join : std::uint8_t { kNone, kBeforeAct, kAfterAct };

    int batch = 1;
    int in[3] = {};   ///< rows, columns, channels; channels a multiple of 16
    int out[3] = {};  ///< rows, columns, channels; channels a multiple of 8
    int kernel[2] = {1, 1};
    int stride[2] = {1, 1};
    int dilation[2] = {1, 1};
    int pad_begin[2] = {};

    const std::int8_t* x = nullptr;
    int x_pitch = 0;            ///< a multiple of 16
    std::int8_t x_outside = 0;  ///< what is read outside the image: the zero point of x

    const std::int8_t* weights = nullptr;  ///< [output][row][column][input]
    /// For each output channel: real = sum * scale + bias. The zero point of x is in the bias.
    const float* scale = nullptr;
    const float* bias = nullptr;

    Act act = Act::kNone;
    Join join = Join::kNone;
    const void* operand = nullptr;  ///< of the output's extents; real = (number - zero) * step
    Number operand_type = Number::kS8;
    int operand_pitch = 0;  ///< a multiple of 8
    float operand_step = 1;
    float operand_zero = 0;

    /// A convolution of 1x1 places of another tensor, whose real sums are added before the operand
    /// and the activation: the shortcut of a residual block that changes extents. Place i, j of the
    /// output reads i * stride[0], j * stride[1] of its x, which must be there.
    struct Second {
        const std::int8_t* x = nullptr;
        int in[3] = {};   ///< rows, columns, channels: a multiple of 16, or 0 where there is none
        int x_pitch = 0;  ///< a multiple of 16
        int stride[2] = {1, 1};
        const std::int8_t* weights = nullptr;  ///< [output][input]
        /// real = sum * scale. What would be its bias is in that of the first.
        const float* scale = nullptr;
    };
    Second second;
    bool has_second() const { return second.in[2] != 0; }

    void* y = nullptr;
    Number type = Number::kS8;
    int y_pitch = 0;  ///< a multiple of 8
    /// number = real / step + zero, rounded to the nearest and halves to the even one, from -128
    /// to 127; of kF16 just real.
    float step = 1;
    float zero = 0;
};

/// Ways to cut the same product into tiles. Which is fastest must be measured.
inline constexpr int kInt8ConvConfigs = 33;

/// "128x64": places and channels of a tile, and what sets it apart. Stays the same from version to
/// version, so that it can be kept; null where `config` is not in [0, kInt8ConvConfigs).
const char* int8_conv_name(int config);

/// Whether the config is for devices of compute capability 9.0 and no others.
bool int8_conv_is_for_hopper(int config);

/// Whether the kernel can do this (on any device that the config is for). Pointers that
/// are not null must be aligned: x and weights (of both products) to 16 bytes, y and operand to 8
/// numbers. False also where it would be a plain waste, such as a tile of 128 channels for 32.
bool int8_conv_fits(int config, const Int8Conv& conv);

/// Queues one launch, of a config that fits. No memory beside its arguments; may be captured. What
/// went wrong is said by cudaGetLastError.
void launch_int8_conv(int config, const Int8Conv& conv, cudaStream_t stream);

}  // namespace sluice::infer::cuda
