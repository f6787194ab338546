#include "sluice/base/shared_library.h"

#include <cstdlib>
#include <filesystem>

#include <dlfcn.h>
#include <fmt/format.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::vector<std::string> places_of(const SharedLibrary& library) {
    std::vector<std::string> places;
    std::error_code ignored;
    if (const char* named = std::getenv(library.variable)) {
        const fs::path path(named);
        if (!fs::is_directory(path, ignored)) return {path};
        for (const std::string& name : library.names)
            places.push_back(path / name);
        return places;
    }
    places = library.names;
    if (const char* environment = std::getenv("VIRTUAL_ENV")) {
        for (const auto& python : fs::directory_iterator(fs::path(environment) / "lib", ignored)) {
            for (const std::string& name : library.names) {
                const fs::path wheel = python.path() / "site-packages" / library.wheel / name;
                if (fs::exists(wheel, ignored)) places.push_back(wheel);
            }
        }
    }
    for (const std::string& name : library.names)
        places.push_back(fs::path(library.of_build) / name);
    return places;
}

Result<void*> open_library(const SharedLibrary& library) {
    for (const std::string& place : places_of(library)) {
        if (void* opened = dlopen(place.c_str(), RTLD_NOW | RTLD_GLOBAL)) return opened;
    }
    if (const char* named = std::getenv(library.variable)) {
        return unsupported(fmt::format(
            "{} is not where {} says ({})", library.names.front(), library.variable, named));
    }
    return unsupported(library.hint);
}

}  // namespace sluice
