#pragma once

#include <gst/gst.h>

#include "sluice/base/error.h"
#include "sluice/meta/frame.h"
#include "sluice/metrics/counter.h"

namespace sluice::gst {

/// Frames that an element could not use and passed on, or over. Thread-safe.
class BadFrames {
public:
    /// Counts the frame, and posts a warning of the 1st, 2nd, 4th, 8th .. one.
    void report(GstElement* element, const meta::Frame& frame, const Error& error);
    std::uint64_t count() const { return count_.value(); }

private:
    metrics::Counter count_;
};

}  // namespace sluice::gst
