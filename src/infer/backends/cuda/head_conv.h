#pragma once

#include <cuda_runtime_api.h>

/// The last convolutions of a head, of single places (1x1), with what would copy their numbers into
/// an output's rows: sums go there as fp32 at once, and those that fill a row go there together.
/// cuDNN writes the network's type at aligned places only, and rows of 85 numbers have none. For
/// compute capability 8.0 and later.
namespace sluice::infer::cuda {

/// One convolution: some columns of the rows.
struct HeadPart {
    int channels = 0;  ///< of the input: a multiple of 32
    int outputs = 0;
    bool sigmoid = false;  ///< of all outputs

    const void* x = nullptr;  ///< fp16, a place's channels side by side, aligned to 16 bytes
    int x_place = 0;          ///< numbers from a place to the next; a multiple of 8
    int x_image = 0;          ///< likewise from an image to the next

    const void* weights = nullptr;  ///< fp16, [output][channel], aligned to 16 bytes
    const float* bias = nullptr;    ///< for each output
};

inline constexpr int kMostHeadParts = 4;

struct HeadConv {
    int images = 1;
    int places = 1;  ///< of an image
    int parts = 1;
    HeadPart part[kMostHeadParts];  ///< their outputs lie side by side, in this order

    float* y = nullptr;  ///< a place's outputs side by side, anywhere
    int y_place = 0;
    int y_image = 0;

    __host__ __device__ constexpr int outputs() const {
        int sum = 0;
        for (int i = 0; i < parts; ++i)
            sum += part[i].outputs;
        return sum;
    }
};

inline constexpr int kMostHeadOutputs = 128;  ///< of a part
inline constexpr int kMostHeadChannels = 512;

/// Queues one launch; may be captured. What went wrong is said by cudaGetLastError.
void launch_head_conv(const HeadConv& conv, cudaStream_t stream);

}  // namespace sluice::infer::cuda
