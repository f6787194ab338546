#pragma once

#include <memory>

#include "sluice/base/result.h"
#include "sluice/osd/renderer.h"

namespace sluice::osd::cuda {

/// Fails with kUnsupported, saying why, where this build or this machine cannot draw on a device.
Result<void> check_available();

/// Draws on pictures in the memory of this device, NV12, P010, I420, grey and packed RGB, all
/// pictures in one launch when flushed (more where blurs lie on what was drawn before them).
Result<std::unique_ptr<Renderer>> create_renderer(const OsdOptions& options, int device);

}  // namespace sluice::osd::cuda
