#pragma once

#include <functional>

#include "sluice/infer/backends/cuda/capture.h"

namespace sluice::infer::cuda {

/// Milliseconds of one launch: the median of some tenths of a second. The device must be idle else.
Result<double> time_of(const ExecutableGraph& graph, const memory::cuda::Stream& stream);

/// Milliseconds of what `queue` queues, once. It goes through a CUDA graph, as it will later: on
/// its own, a launch takes the host longer than a small layer takes the device.
Result<float> shortest_time(const memory::cuda::Stream& stream,
                            const std::function<Result<void>()>& queue);

/// Fills the input with what is no picture, but no zeros either.
Result<void> fill_with_pixels(const memory::cuda::Buffer& input);

}  // namespace sluice::infer::cuda
