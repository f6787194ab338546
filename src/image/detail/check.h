#pragma once

#include "sluice/base/result.h"
#include "sluice/image/geometry.h"
#include "sluice/image/preprocess.h"
#include "sluice/memory/image.h"

/// What is refused before any pixel is touched.
namespace sluice::image::detail {

/// kInvalidArgument if the view has no pixels, a plane is missing or its rows overlap.
Result<void> check_view(const memory::ImageView& view);
/// The same for code of the CPU; kUnsupported if the pixels are not for it.
Result<void> check_host_view(const memory::ImageView& view);
/// The part of the crop inside the image; kInvalidArgument if there is none.
Result<Rect> clip(memory::Size image, const Rect& crop);
/// kInvalidArgument if the area is not inside a target of that size, or cuts chroma samples.
Result<void> check_area(memory::PixelFormat format, memory::Size size, const PixelRect& area);
/// kInvalidArgument for an empty size, kUnsupported for a type that is not written.
Result<void> check_plan(const PreprocessPlan& plan);

}  // namespace sluice::image::detail
