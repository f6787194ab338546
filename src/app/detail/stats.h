#pragma once

#include <gst/gst.h>

#include "sluice/app/report.h"

namespace sluice::app::detail {

/// What sluicemux says of its sources and batches.
void read_mux_stats(GstElement* mux, RunReport& report);
/// What a sluiceinfer says of its model.
void read_model_stats(GstElement* model, ModelReport& report);

}  // namespace sluice::app::detail
