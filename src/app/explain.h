#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/app/pipeline.h"

namespace sluice::app {

/// A copy of a frame's pixels between host and device, known beforehand.
struct PixelCrossing {
    std::string where;
    bool to_host = false;  ///< else to the device
    std::string reason;
    std::uint64_t bytes = 0;  ///< of one frame
};

struct PixelStep {
    std::string element;
    int device = memory::kHostMemory;  ///< where the pixels lie behind it
};

/// Where a source's pixels are on their way.
struct PixelPath {
    std::string source;
    Decoding decoding;
    std::vector<PixelStep> steps;
    std::vector<PixelCrossing> crossings;
};

/// The way of one source's frames, once their decoding is known, through these models, each on one
/// device. `picture`: the device on which a picture of all sources is made, where they differ.
PixelPath trace_pixels(const PipelineDescription& description,
                       const std::vector<Source>& sources,
                       std::size_t source,
                       const Decoding& decoding,
                       std::optional<int> picture = {});

/// Plays one frame of each source, without models, for a few seconds at most, and traces it. A
/// source that gives none then has the reason in its decoding. What a run would refuse, and can be
/// told without loading a network, is refused likewise. initialise() was called.
Result<std::vector<PixelPath>> explain_pixels(const PipelineDescription& description,
                                              const std::vector<Source>& sources);

/// Lines for people.
std::string to_text(const std::vector<PixelPath>& paths);
/// One JSON document; its form is described in docs/use/run.md.
std::string to_json(const std::vector<PixelPath>& paths);

}  // namespace sluice::app
