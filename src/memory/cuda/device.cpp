#include "sluice/memory/cuda/device.h"

#include <fmt/format.h>

namespace sluice::memory::cuda {

Result<void> check(cudaError_t status, const char* doing) {
    if (status == cudaSuccess) return {};
    const std::string message = fmt::format("{}: {}", doing, cudaGetErrorString(status));
    // The runtime repeats a failure at the next question unless it is taken.
    (void)cudaGetLastError();
    if (status == cudaErrorMemoryAllocation) return Error{ErrorCode::kExhausted, message, {}};
    if (status == cudaErrorNoDevice || status == cudaErrorInsufficientDriver)
        return unsupported(message);
    return internal_error(message);
}

int device_count() {
    int count = 0;
    if (!check(cudaGetDeviceCount(&count), "counting CUDA devices")) return 0;
    return count;
}

Result<std::string> device_name(int device) {
    cudaDeviceProp properties{};
    SLUICE_TRY(check(cudaGetDeviceProperties(&properties, device), "reading a device's name"));
    int driver = 0;
    SLUICE_TRY(check(cudaDriverGetVersion(&driver), "reading the driver's version"));
    return fmt::format("{}, {} multiprocessors, driver {}.{}",
                       properties.name,
                       properties.multiProcessorCount,
                       driver / 1000,
                       driver % 1000 / 10);
}

Result<void> check_capability(std::string_view name, int major, int minor) {
    // CMake's CMAKE_CUDA_ARCHITECTURES begin there.
    if (major >= 8) return {};
    return unsupported(fmt::format(
        "{} has compute capability {}.{}; 8.0 (Ampere) or newer is needed", name, major, minor));
}

Result<void> check_device(int device) {
    int driver = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
        return unsupported("CUDA needs an NVIDIA driver (libcuda.so.1), and there is none");
    }
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver) {
        constexpr int kNeeded = CUDART_VERSION;
        return unsupported(fmt::format(
            "the NVIDIA driver is too old: it is made for CUDA {}.{}, and {}.{} is needed",
            driver / 1000,
            driver % 1000 / 10,
            kNeeded / 1000,
            kNeeded % 1000 / 10));
    }
    if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
        return unsupported("there is no CUDA device here");
    if (status != cudaSuccess) {
        Error error = std::move(check(status, "looking for CUDA devices")).error();
        error.code = ErrorCode::kUnsupported;
        return error;
    }
    if (device < 0 || device >= count) {
        return invalid_argument(
            fmt::format("there is no CUDA device {}; there {}",
                        device,
                        count == 1 ? "is only 0" : fmt::format("are 0 to {}", count - 1)));
    }
    cudaDeviceProp properties{};
    SLUICE_TRY(check(cudaGetDeviceProperties(&properties, device), "reading a device's name"));
    return check_capability(properties.name, properties.major, properties.minor);
}

// For every batch: what is wrong is only asked where something is.
Result<void> use_device(int device) {
    int major = 0;
    if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) != cudaSuccess ||
        !check_capability({}, major, 0)) {
        (void)cudaGetLastError();
        SLUICE_TRY(check_device(device));
    }
    return check(cudaSetDevice(device), "choosing the device");
}

Result<Buffer> Buffer::create(Kind kind, std::size_t bytes) {
    Buffer buffer;
    buffer.bytes_ = bytes;
    if (bytes == 0) return buffer;
    void* memory = nullptr;
    if (kind == Kind::kDevice) {
        SLUICE_TRY(check(cudaMalloc(&memory, bytes), "allocating device memory"));
        buffer.memory_ = {static_cast<std::byte*>(memory), [](std::byte* p) { cudaFree(p); }};
    } else {
        SLUICE_TRY(check(cudaMallocHost(&memory, bytes), "allocating pinned memory"));
        buffer.memory_ = {static_cast<std::byte*>(memory), [](std::byte* p) { cudaFreeHost(p); }};
    }
    return buffer;
}

void Stream::Destroy::operator()(cudaStream_t stream) const {
    cudaStreamDestroy(stream);
}

Result<Stream> Stream::create(Priority priority) {
    int lowest = 0;
    int highest = 0;
    SLUICE_TRY(check(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "asking for priorities"));
    cudaStream_t made = nullptr;
    SLUICE_TRY(
        check(cudaStreamCreateWithPriority(
                  &made, cudaStreamNonBlocking, priority == Priority::kHigh ? highest : lowest),
              "making a stream"));
    Stream stream;
    stream.stream_.reset(made);
    return stream;
}

Result<void> Stream::wait() const {
    return check(cudaStreamSynchronize(stream_.get()), "waiting for the device");
}

void Event::Destroy::operator()(cudaEvent_t event) const {
    cudaEventDestroy(event);
}

Result<Event> Event::create(Kind kind) {
    cudaEvent_t made = nullptr;
    const unsigned flags = kind == Kind::kTimed ? cudaEventDefault : cudaEventDisableTiming;
    SLUICE_TRY(check(cudaEventCreateWithFlags(&made, flags), "making an event"));
    Event event;
    event.event_.reset(made);
    return event;
}

Result<void> Event::record(const Stream& stream) const {
    return check(cudaEventRecord(event_.get(), stream.get()), "recording an event");
}

Result<void> Event::wait() const {
    return check(cudaEventSynchronize(event_.get()), "waiting for the device");
}

Result<float> Event::milliseconds(const Event& from, const Event& to) {
    float milliseconds = 0;
    SLUICE_TRY(check(cudaEventElapsedTime(&milliseconds, from.get(), to.get()), "taking a time"));
    return milliseconds;
}

}  // namespace sluice::memory::cuda
