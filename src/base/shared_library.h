#pragma once

#include <string>
#include <vector>

#include "sluice/base/result.h"

namespace sluice {

/// A library that is found while the program runs, and where.
struct SharedLibrary {
    std::vector<std::string> names;  ///< "libcudnn.so.9"; the first that is there is taken
    const char* variable;            ///< of the environment: the library, or the folder it is in
    const char* wheel;               ///< its folder of PyPI's wheel, below site-packages
    const char* of_build;            ///< the folder of the wheel that the build was made with
    const char* hint;                ///< "cuDNN 9 .. is not found: install .."
};

/// What is given to dlopen, in this order: what the variable names alone where it is set; else the
/// system's, that of the wheel in $VIRTUAL_ENV, that of the build.
std::vector<std::string> places_of(const SharedLibrary& library);

/// Opens it; it is never closed. kUnsupported, with the hint, where it is in none of those places.
Result<void*> open_library(const SharedLibrary& library);

}  // namespace sluice
