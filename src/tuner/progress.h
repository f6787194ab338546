#pragma once

#include <string>

#include "sluice/base/result.h"

namespace sluice::tuner {

/// Is told how far long work is, and may end it.
class Progress {
public:
    virtual ~Progress() = default;
    /// Of the work called `what`, `done` of `total` are done; `total` 0: nobody knows. An error
    /// (kUnavailable) where the user wants no more: it ends the work.
    virtual Result<void> step(const std::string& what, int done, int total) = 0;
};

}  // namespace sluice::tuner
