#include "sluice/gst/crossings.h"

#include <fmt/format.h>

#include "sluice/gst/element.h"

namespace sluice::gst {

Result<MappedFrame> Crossings::map_on_host(GstBuffer* buffer,
                                           const GstVideoInfo& info,
                                           MappedFrame::Access access,
                                           meta::SourceId source,
                                           const char* why) {
    if (copies_to_host(buffer) && count(to_host_, GST_VIDEO_INFO_SIZE(&info))) {
        warn("to the host", source, why);
    }
    return MappedFrame::map_on_host(buffer, info, access);
}

void Crossings::count_to_device(std::uint64_t bytes, meta::SourceId source, const char* why) {
    if (count(to_device_, bytes)) warn("to the device", source, why);
}

bool Crossings::count(Way& way, std::uint64_t bytes) {
    way.bytes.add(bytes);
    way.frames.add();
    return way.frames.value() == 1;
}

void Crossings::warn(const char* where, meta::SourceId source, const char* why) {
    post_warning(
        element_,
        unsupported(fmt::format("frames are copied {} (first one of source {}), because {}",
                                where,
                                source.value,
                                why)));
}

void Crossings::add_to(GstStructure* stats) const {
    gst_structure_set(stats,
                      "frames-to-host",
                      G_TYPE_UINT64,
                      to_host_.frames.value(),
                      "bytes-to-host",
                      G_TYPE_UINT64,
                      to_host_.bytes.value(),
                      "frames-to-device",
                      G_TYPE_UINT64,
                      to_device_.frames.value(),
                      "bytes-to-device",
                      G_TYPE_UINT64,
                      to_device_.bytes.value(),
                      nullptr);
}

GstStructure* crossing_stats(const char* name, const Crossings& crossings) {
    GstStructure* stats = gst_structure_new_empty(name);
    crossings.add_to(stats);
    return stats;
}

}  // namespace sluice::gst
