#include "sluice/gst/register.h"

#include "sluice/gst/elements.h"

namespace sluice::gst {
namespace {

gboolean init_static(GstPlugin* plugin) {
    return register_elements(plugin);
}

}  // namespace

bool register_elements(GstPlugin* plugin) {
    struct Entry {
        const char* name;
        GType type;
    };
    const Entry entries[] = {
        {"sluicemux", mux_type()},
        {"sluicedemux", demux_type()},
        {"sluiceinfer", infer_type()},
        {"sluicetracker", tracker_type()},
        {"sluiceosd", osd_type()},
        {"sluicetiler", tiler_type()},
        {"sluicemetasink", metasink_type()},
        {"sluicejpegdec", jpegdec_type()},
    };
    for (const Entry& entry : entries) {
        if (!gst_element_register(plugin, entry.name, GST_RANK_NONE, entry.type)) return false;
    }
    return true;
}

bool register_static_plugin() {
    return gst_plugin_register_static(GST_VERSION_MAJOR,
                                      GST_VERSION_MINOR,
                                      "sluice",
                                      "Multi-stream video analytics: batch, infer, track, draw",
                                      init_static,
                                      SLUICE_VERSION,
                                      "Apache 2.0",
                                      "sluice",
                                      "sluice",
                                      "sluice");
}

}  // namespace sluice::gst
