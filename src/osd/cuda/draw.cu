#include "sluice/osd/cuda/kernels.h"
#include "sluice/osd/cuda/paint.h"

namespace sluice::osd::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kSquareThreads = 128;

/// A block draws a bin, each thread two by two pixels of it.
template <class Sample, int kChannels>
__global__ void paint_bins(const SheetView sheet, unsigned first) {
    paint_quad<Sample, kChannels>(sheet,
                                  sheet.bins[first + blockIdx.x],
                                  static_cast<int>(threadIdx.x),
                                  static_cast<int>(threadIdx.y));
}

/// A block gives a square its mean, one channel after another.
template <class Sample>
__global__ void average_squares(const SheetView sheet, unsigned first) {
    __shared__ unsigned long long total;
    const Square square = sheet.squares[first + blockIdx.x];
    const Target& target = sheet.targets[square.target];
    const int channels = channel_count(target);
    for (int c = 0; c < channels; ++c) {
        const auto channel = channel_of<Sample>(target, square, c);
        const int count = channel.count();
        if (threadIdx.x == 0) total = 0;
        __syncthreads();
        unsigned long long sum = 0;
        for (int i = static_cast<int>(threadIdx.x); i < count; i += kSquareThreads)
            sum += channel.at(i);
        for (int offset = kWarp / 2; offset > 0; offset /= 2)
            sum += __shfl_down_sync(0xffffffffU, sum, offset);
        if (threadIdx.x % kWarp == 0) atomicAdd(&total, sum);
        __syncthreads();
        const auto mean = to_sample<Sample>((total + count / 2) / count);
        for (int i = static_cast<int>(threadIdx.x); i < count; i += kSquareThreads)
            channel.at(i) = mean;
        __syncthreads();  // all have read the total before it is zero again
    }
}

template <class Sample>
void launch(const Step& step, const SheetView& sheet, cudaStream_t stream) {
    if (step.kind == Step::Kind::kSquares) {
        average_squares<Sample><<<step.count, kSquareThreads, 0, stream>>>(sheet, step.first);
        return;
    }
    const dim3 threads(kBinPx / 2, kBinPx / 2);
    if (step.channels == 1)
        paint_bins<Sample, 1><<<step.count, threads, 0, stream>>>(sheet, step.first);
    else if (step.channels == 3)
        paint_bins<Sample, 3><<<step.count, threads, 0, stream>>>(sheet, step.first);
    else
        paint_bins<Sample, 4><<<step.count, threads, 0, stream>>>(sheet, step.first);
}

}  // namespace

void launch_step(const Step& step, const SheetView& sheet, cudaStream_t stream) {
    if (step.sample_bytes == 2)
        launch<std::uint16_t>(step, sheet, stream);
    else
        launch<std::uint8_t>(step, sheet, stream);
}

}  // namespace sluice::osd::cuda
