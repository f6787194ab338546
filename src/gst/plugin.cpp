#include <gst/gst.h>

#include "sluice/gst/register.h"

#define PACKAGE "sluice"

static gboolean init_plugin(GstPlugin* plugin) {
    return sluice::gst::register_elements(plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR,
                  GST_VERSION_MINOR,
                  sluice,
                  "Multi-stream video analytics: batch, infer, track, draw",
                  init_plugin,
                  SLUICE_VERSION,
                  "Apache 2.0",
                  "sluice",
                  "sluice")
