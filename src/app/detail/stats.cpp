#include "sluice/app/detail/stats.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "sluice/gst/sluice_pixels.h"
#include "sluice/memory/image.h"

namespace sluice::app::detail {
namespace {

struct FreeStructure {
    void operator()(GstStructure* structure) const { gst_structure_free(structure); }
};
using StructurePtr = std::unique_ptr<GstStructure, FreeStructure>;

StructurePtr stats_of(GstElement* element) {
    GstStructure* stats = nullptr;
    g_object_get(element, "stats", &stats, nullptr);
    return StructurePtr(stats);
}

std::uint64_t count(const GstStructure* stats, const std::string& name) {
    guint64 value = 0;
    gst_structure_get_uint64(stats, name.c_str(), &value);
    return value;
}

Duration duration(const GstStructure* stats, const std::string& name) {
    gint64 value = 0;
    gst_structure_get_int64(stats, name.c_str(), &value);
    return Duration(value);
}

std::string text(const GstStructure* stats, const char* name) {
    const gchar* value = gst_structure_get_string(stats, name);
    return value ? value : "";
}

void read_source(const GstStructure* stats, SourceReport& report) {
    report.queued = count(stats, "queued");
    for (int i = 0; i < gst_structure_n_fields(stats); ++i) {
        std::string name = gst_structure_nth_field_name(stats, static_cast<guint>(i));
        std::uint64_t number = count(stats, name);
        if (name.starts_with("dropped-") && number > 0) {
            report.dropped.emplace_back(name.substr(8), number);
        }
    }
}

}  // namespace

void read_mux_stats(const std::vector<GstElement*>& muxes, RunReport& report) {
    double batches = 0;
    double filled = 0;
    for (GstElement* mux : muxes) {
        StructurePtr stats = stats_of(mux);
        if (!stats) continue;
        double fill = 0;
        gst_structure_get_double(stats.get(), "fill", &fill);
        auto own = static_cast<double>(count(stats.get(), "batches"));
        batches += own;
        filled += own * fill;
        for (std::size_t i = 0; i < report.sources.size(); ++i) {
            const GValue* value =
                gst_structure_get_value(stats.get(), fmt::format("source-{}", i).c_str());
            if (value) read_source(gst_value_get_structure(value), report.sources[i]);
        }
    }
    if (batches > 0) report.batch_fill = filled / batches;
}

void read_model_stats(GstElement* model, ModelReport& report) {
    StructurePtr stats = stats_of(model);
    if (!stats) return;
    report.summary = text(stats.get(), "model");
    report.engine = text(stats.get(), "engine");
    for (std::string stage : {"preprocess", "inference", "postprocess"}) {
        LatencyFigures latency{count(stats.get(), stage + "-count"),
                               duration(stats.get(), stage + "-mean"),
                               duration(stats.get(), stage + "-p50"),
                               duration(stats.get(), stage + "-p95"),
                               duration(stats.get(), stage + "-p99"),
                               duration(stats.get(), stage + "-max")};
        if (latency.count > 0) report.stages.push_back({stage, latency});
    }
}

int read_pixel_device(GstElement* model) {
    StructurePtr stats = stats_of(model);
    gint device = memory::kHostMemory;
    if (stats) gst_structure_get_int(stats.get(), "pixel-device", &device);
    return device;
}

std::vector<CrossingReport> read_crossings(GstElement* pipeline) {
    std::vector<CrossingReport> reports;
    auto add = [](const GValue* item, gpointer out) {
        auto* element = static_cast<GstElement*>(g_value_get_object(item));
        GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), "stats");
        if (!spec || spec->value_type != GST_TYPE_STRUCTURE) return;
        StructurePtr stats = stats_of(element);
        if (!stats) return;
        CrossingReport report{GST_OBJECT_NAME(element),
                              count(stats.get(), "frames-to-host"),
                              count(stats.get(), "bytes-to-host"),
                              count(stats.get(), "frames-to-device"),
                              count(stats.get(), "bytes-to-device")};
        if (report.frames_to_host + report.frames_to_device == 0) return;
        static_cast<std::vector<CrossingReport>*>(out)->push_back(std::move(report));
    };
    GstIterator* elements = gst_bin_iterate_recurse(GST_BIN(pipeline));
    while (gst_iterator_foreach(elements, add, &reports) == GST_ITERATOR_RESYNC) {
        reports.clear();
        gst_iterator_resync(elements);
    }
    gst_iterator_free(elements);
    std::sort(reports.begin(), reports.end(), [](const auto& a, const auto& b) {
        return a.where < b.where;
    });
    return reports;
}

CrossingReport read_user_copies() {
    guint64 frames = 0;
    guint64 bytes = 0;
    sluice_pixels_get_copied(&frames, &bytes);
    return {"user code", frames, bytes, 0, 0};
}

}  // namespace sluice::app::detail
