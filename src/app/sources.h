#pragma once

#include <span>
#include <string>
#include <vector>

#include "sluice/app/description.h"

namespace sluice::app {

enum class SourceKind { kUri, kImages, kCamera, kTest };

/// One stream, found and named.
struct Source {
    SourceKind kind = SourceKind::kUri;
    std::string uri;                  ///< a URI, a camera's device, or a test pattern's name
    std::string shown;                ///< as the user knows it, for messages and files
    std::string name;                 ///< unique among a run's sources; usable as a file's name
    std::vector<std::string> images;  ///< of kImages: the files, in order
    SourceDescription options;
    bool live = false;  ///< no recording
    // Of kTest.
    int width = 640;
    int height = 480;
    int fps = 25;
    int frames = 0;  ///< 0: no end
};

/// Finds what the user wrote: patterns and folders become their files, each video a source, the
/// images of a folder (or of a pattern) one source. No match, a missing file and an empty list are
/// errors.
Result<std::vector<Source>> expand_sources(std::span<const SourceDescription> descriptions);

}  // namespace sluice::app
