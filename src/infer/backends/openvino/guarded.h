#pragma once

#include <exception>
#include <string>

#include "sluice/base/result.h"

namespace sluice::infer {

/// One readable line out of OpenVINO's message: without source places and the list of checks.
std::string essence(const std::string& message);

/// Runs `body`, which returns a Result and may throw; what it throws becomes an Error that names
/// `subject` (the model's file).
template <class Body>
auto guarded(const std::string& subject, Body&& body) -> decltype(body()) {
    try {
        return body();
    } catch (const std::exception& exception) {
        return internal_error(essence(exception.what()), subject);
    } catch (...) {
        return internal_error("OpenVINO gave up without saying why", subject);
    }
}

}  // namespace sluice::infer
