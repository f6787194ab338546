#pragma once

#include <glib-object.h>

namespace sluice::gst {

GType mux_type();
GType demux_type();
GType infer_type();
GType tracker_type();
GType osd_type();
GType tiler_type();
GType metasink_type();
GType jpegdec_type();

}  // namespace sluice::gst
