#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <cuda_runtime_api.h>

#include "sluice/base/result.h"

/// What a CUDA device has to offer, as values that clean up after themselves. The runtime is linked
/// statically and finds the driver when it is first called: without one, `device_count` is 0.
namespace sluice::memory::cuda {

/// What CUDA said, as an Error that names what was being done; kExhausted when memory is out.
Result<void> check(cudaError_t status, const char* doing);

int device_count();

/// "NVIDIA H100 80GB HBM3, 132 multiprocessors, driver 13.0".
Result<std::string> device_name(int device);

/// Can our kernels run on it? Else says why not: kUnsupported without a driver, with one that is
/// too old, or on a GPU before Ampere; kInvalidArgument where there is none of that number.
Result<void> check_device(int device);

/// As check_device() for a device of that compute capability.
Result<void> check_capability(std::string_view name, int major, int minor);

/// Makes the device the calling thread's own. Fails as check_device() does.
Result<void> use_device(int device);

/// Memory of the device, or of the host where the device can read it while it computes. Freed with
/// the last copy of the handle. Not zeroed.
class Buffer {
public:
    enum class Kind { kDevice, kPinnedHost };

    Buffer() = default;
    static Result<Buffer> create(Kind kind, std::size_t bytes);

    std::byte* data() const { return memory_.get(); }
    std::size_t bytes() const { return bytes_; }

private:
    std::shared_ptr<std::byte> memory_;
    std::size_t bytes_ = 0;
};

/// Work in order. Not shared between threads.
class Stream {
public:
    /// Work of a high one starts before what waits in others.
    enum class Priority { kNormal, kHigh };

    static Result<Stream> create(Priority priority = Priority::kNormal);

    cudaStream_t get() const { return stream_.get(); }
    /// Waits until everything queued is done; gives the first failure of it.
    Result<void> wait() const;

private:
    struct Destroy {
        void operator()(cudaStream_t stream) const;
    };
    std::unique_ptr<CUstream_st, Destroy> stream_;
};

/// A point in a stream.
class Event {
public:
    /// A timed one costs more to record.
    enum class Kind { kPlain, kTimed };

    static Result<Event> create(Kind kind = Kind::kPlain);

    cudaEvent_t get() const { return event_.get(); }
    Result<void> record(const Stream& stream) const;
    /// Waits on the host until the stream has passed the point.
    Result<void> wait() const;
    /// Both timed and passed.
    static Result<float> milliseconds(const Event& from, const Event& to);

private:
    struct Destroy {
        void operator()(cudaEvent_t event) const;
    };
    std::unique_ptr<CUevent_st, Destroy> event_;
};

}  // namespace sluice::memory::cuda
