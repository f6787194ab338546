#include "sluice/infer/backends/cuda/upload.h"

namespace sluice::infer::cuda {

Result<void> upload(const void* from, const memory::cuda::Buffer& to, const char* what) {
    if (to.bytes() == 0) return {};
    const auto stream = SLUICE_TRY(memory::cuda::Stream::create());
    SLUICE_TRY(memory::cuda::check(
        cudaMemcpyAsync(to.data(), from, to.bytes(), cudaMemcpyHostToDevice, stream.get()), what));
    return stream.wait();
}

}  // namespace sluice::infer::cuda
