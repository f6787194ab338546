#pragma once

#include "sluice/base/result.h"
#include "sluice/image/cuda/kernels.h"
#include "sluice/image/geometry.h"
#include "sluice/image/preprocess.h"
#include "sluice/memory/image.h"

/// From views and plans to what the kernels are told. Touches neither pixels nor the device.
namespace sluice::image::cuda {

/// Reads `crop` (inside the view) as the output's rectangle `content`.
Picture picture_of(const memory::ImageView& view, const Rect& crop, const PixelRect& content);

/// kInvalidArgument for a view without pixels, in another device's memory, or whose samples of 2 or
/// 4 bytes are not aligned to that.
Result<void> check_device_view(const memory::ImageView& view, int device);
/// The same where the view may also be the host's.
Result<void> check_source(const memory::ImageView& view, int device);

/// All but pictures and destination. `stored_channels` 0 is what the plan has.
PreprocessArgs network_args(const PreprocessPlan& plan, int stored_channels);

/// All but pictures.
ScaleArgs target_args(const memory::MutableImageView& target);
/// Whether samples of the source, which is YUV, mean the same in the target.
bool same_colors(const memory::ImageView& source, const memory::MutableImageView& target);

}  // namespace sluice::image::cuda
