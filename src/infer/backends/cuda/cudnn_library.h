#pragma once

#include <string>
#include <vector>

#include "sluice/base/result.h"

namespace sluice::infer::cuda {

/// What is given to dlopen, in this order: $SLUICE_CUDNN (the library, or its folder) alone where
/// it is set; else the system's, the wheel in $VIRTUAL_ENV, and the wheel whose headers the build
/// was made with.
std::vector<std::string> cudnn_places();

/// The library, opened once and never closed. kUnsupported where it is in none of those places.
Result<void*> open_cudnn();

}  // namespace sluice::infer::cuda
