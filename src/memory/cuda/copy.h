#pragma once

#include "sluice/base/result.h"
#include "sluice/memory/image.h"

namespace sluice::memory::cuda {

/// Copies a picture into another of the same format and size, each on the host or on a device, and
/// waits until it is there. kInvalidArgument where format or size differ. Any thread whose device
/// is one of the two.
Result<void> copy_picture(const ImageView& from, const MutableImageView& to);

}  // namespace sluice::memory::cuda
