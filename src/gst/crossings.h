#pragma once

#include <gst/gst.h>

#include "sluice/gst/video.h"
#include "sluice/meta/frame.h"
#include "sluice/metrics/counter.h"

namespace sluice::gst {

/// The pixels that an element copies between host and device. All are counted; each way's first
/// copy posts a warning that says whose frame it was and why. Thread-safe.
class Crossings {
public:
    explicit Crossings(GstElement* element) : element_(element) {}

    /// Maps into host memory; counts it where that copies from a device. `why` ends the sentence
    /// "frames are copied to the host, because ..".
    Result<MappedFrame> map_on_host(GstBuffer* buffer,
                                    const GstVideoInfo& info,
                                    MappedFrame::Access access,
                                    meta::SourceId source,
                                    const char* why);
    /// Pixels of the host that a device is going to read.
    void count_to_device(std::uint64_t bytes, meta::SourceId source, const char* why);

    /// Adds frames-to-host, bytes-to-host, frames-to-device and bytes-to-device to an element's
    /// `stats`.
    void add_to(GstStructure* stats) const;

private:
    struct Way {
        metrics::Counter frames;
        metrics::Counter bytes;
    };
    /// True for the first.
    static bool count(Way& way, std::uint64_t bytes);
    void warn(const char* where, meta::SourceId source, const char* why);

    GstElement* const element_;
    Way to_host_;
    Way to_device_;
};

/// The property `stats` of an element that counts nothing else.
inline constexpr const char* kCrossingStats = "frames and bytes copied between host and device";
GstStructure* crossing_stats(const char* name, const Crossings& crossings);

}  // namespace sluice::gst
