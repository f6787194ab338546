#pragma once

#include <functional>
#include <string>

#include "sluice/infer/backends/cuda/lower.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {

/// Two ways to make what lies in a storage: cuDNN's, and our own kernel's. Does the latter make the
/// same, and sooner? Its log line says both times.
class Duel {
public:
    using Way = std::function<Result<void>()>;

    /// `made` is where the storage begins, on the device; `like` says how near is the same. What
    /// the names refer to must outlive it.
    Duel(std::string name, const Storage& storage, memory::ElementType like, void* made)
        : name_(std::move(name)), storage_(storage), like_(like), made_(made) {}

    /// cuDNN's way, queued on `stream`; before the other.
    Result<void> theirs(const memory::cuda::Stream& stream, const Way& way);
    /// An own kernel that cannot be run has lost, and is no error.
    Result<bool> ours_wins(const memory::cuda::Stream& stream, const Way& way);

private:
    std::string name_;
    const Storage& storage_;
    memory::ElementType like_;
    void* made_;
    memory::cuda::Buffer right_;
    float time_ = 0;  ///< milliseconds of cuDNN's
};

}  // namespace sluice::infer::cuda
