#pragma once

#include <cuda_runtime_api.h>

#include "sluice/osd/cuda/sheet.h"

namespace sluice::osd::cuda {

/// Queues one step of a sheet that lies on the device.
void launch_step(const Step& step, const SheetView& sheet, cudaStream_t stream);

}  // namespace sluice::osd::cuda
