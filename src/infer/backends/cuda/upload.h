#pragma once

#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {

/// Fills a buffer from the host. Done for every stream when it returns, which cudaMemcpy is not:
/// that may still be on its way, on the default stream, for which ours do not wait. `what` is what
/// was being done, for errors.
Result<void> upload(const void* from, const memory::cuda::Buffer& to, const char* what);

}  // namespace sluice::infer::cuda
