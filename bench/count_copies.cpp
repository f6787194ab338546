// Counts what a program copies between host and device, as NVIDIA's profiler interface (CUPTI) sees
// it. A library that CUDA loads into the program by itself:
//
//   CUDA_INJECTION64_PATH=$PWD/build/bench/libcount_copies.so sluice run ..
//
// When the program ends, a line of JSON on standard error says for each way how many copies there
// were, of how many bytes, and how many of them were of 64 KiB or more: a frame's pixels are.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>

#include <cupti.h>
#include <fmt/format.h>

namespace {

constexpr std::uint64_t kLarge = 64 << 10;
constexpr std::size_t kBufferBytes = 1 << 20;

struct Way {
    CUpti_ActivityMemcpyKind kind;
    const char* name;
    std::atomic<std::uint64_t> copies{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> large{0};
};
std::array<Way, 3> ways{{{CUPTI_ACTIVITY_MEMCPY_KIND_HTOD, "host to device"},
                         {CUPTI_ACTIVITY_MEMCPY_KIND_DTOH, "device to host"},
                         {CUPTI_ACTIVITY_MEMCPY_KIND_DTOD, "within the device"}}};

void count(const CUpti_ActivityMemcpy6& copy) {
    for (Way& way : ways) {
        if (copy.copyKind != way.kind) continue;
        ++way.copies;
        way.bytes += copy.bytes;
        if (copy.bytes >= kLarge) ++way.large;
    }
}

void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* records) {
    *buffer = static_cast<std::uint8_t*>(std::malloc(kBufferBytes));
    *size = *buffer ? kBufferBytes : 0;
    *records = 0;
}

void CUPTIAPI
take_buffer(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t valid) {
    CUpti_Activity* record = nullptr;
    while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS) {
        if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY)
            count(*reinterpret_cast<CUpti_ActivityMemcpy6*>(record));
    }
    std::free(buffer);
}

void report() {
    cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    std::string text;
    for (const Way& way : ways) {
        text +=
            fmt::format("{}\"{}\": {{\"copies\": {}, \"bytes\": {}, \"of 64 KiB or more\": {}}}",
                        text.empty() ? "" : ", ",
                        way.name,
                        way.copies.load(),
                        way.bytes.load(),
                        way.large.load());
    }
    fmt::print(stderr, "{{{}}}\n", text);
}

}  // namespace

/// What CUDA calls when it starts; it looks for this name.
extern "C" __attribute__((visibility("default"))) int
InitializeInjection() {  // NOLINT(readability-identifier-naming)
    if (cuptiActivityRegisterCallbacks(give_buffer, take_buffer) != CUPTI_SUCCESS) return 0;
    if (cuptiActivityEnable(CUPTI_ACTIVITY_KIND_MEMCPY) != CUPTI_SUCCESS) return 0;
    std::atexit(report);
    return 1;
}
