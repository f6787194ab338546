#pragma once

#include <string>

#include "sluice/base/result.h"
#include "sluice/infer/kept_engines.h"

namespace sluice::cli {

/// `sluice build --list` and `--prune`, printed; of one model where it is not "".
Result<void> list_engines(const std::string& model, bool json);
Result<void> prune_engines(const std::string& model, infer::Prune which, bool json);

}  // namespace sluice::cli
