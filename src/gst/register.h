#pragma once

#include <gst/gst.h>

namespace sluice::gst {

/// Registers every element of ours with the plug-in; false when GStreamer refuses one.
bool register_elements(GstPlugin* plugin);

/// Registers the elements inside this program, so that it needs no plug-in file. Call it once,
/// after gst_init().
bool register_static_plugin();

}  // namespace sluice::gst
