#pragma once

#include <string>

#include <gst/gst.h>

#include "sluice/metrics/histogram.h"

namespace sluice::gst {

/// Adds NAME-count and NAME-mean, -p50, -p95, -p99, -max in nanoseconds to an element's `stats`.
inline void add_latency(GstStructure* stats,
                        const std::string& name,
                        const metrics::HistogramSnapshot& latency) {
    auto set = [&](const char* part, Duration value) {
        gst_structure_set(
            stats, (name + part).c_str(), G_TYPE_INT64, gint64{value.count()}, nullptr);
    };
    gst_structure_set(stats, (name + "-count").c_str(), G_TYPE_UINT64, latency.count, nullptr);
    set("-mean", latency.mean());
    set("-p50", latency.percentile(50));
    set("-p95", latency.percentile(95));
    set("-p99", latency.percentile(99));
    set("-max", latency.max);
}

/// The read-only property `stats`.
inline GParamSpec* stats_spec(const char* blurb) {
    return g_param_spec_boxed("stats",
                              "Statistics",
                              blurb,
                              GST_TYPE_STRUCTURE,
                              static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

}  // namespace sluice::gst
