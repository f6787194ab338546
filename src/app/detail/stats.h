#pragma once

#include <gst/gst.h>

#include "sluice/app/report.h"

namespace sluice::app::detail {

/// What each sluicemux says of its sources, and all of them of their batches.
void read_mux_stats(const std::vector<GstElement*>& muxes, RunReport& report);
/// What a sluiceinfer says of its model.
void read_model_stats(GstElement* model, ModelReport& report);

/// The device from whose memory a loaded sluiceinfer reads frames; memory::kHostMemory: none.
int read_pixel_device(GstElement* model);
/// What the elements in the pipeline copied between host and device, by the element's name.
std::vector<CrossingReport> read_crossings(GstElement* pipeline);
/// What code of the user's had copied in all of the process so far (sluice_pixels.h).
CrossingReport read_user_copies();

}  // namespace sluice::app::detail
