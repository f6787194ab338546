#pragma once

#include <algorithm>

#include <cuda_runtime.h>

namespace sluice::infer::cuda {

/// Blocks of so many threads that the current device has room for at once, one at the least: what
/// is launched of a kernel whose blocks go from tile to tile. Each may then have so many bytes of
/// dynamic shared memory.
template <class... Arguments>
int blocks_at_once(void (*kernel)(Arguments...), int threads, int bytes) {
    int device = 0;
    int processors = 1;
    int blocks = 1;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    cudaOccupancyMaxActiveBlocksPerMultiprocessor(
        &blocks, kernel, threads, static_cast<std::size_t>(bytes));
    return processors * std::max(blocks, 1);
}

}  // namespace sluice::infer::cuda
