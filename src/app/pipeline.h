#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/app/description.h"
#include "sluice/app/report.h"
#include "sluice/app/sources.h"
#include "sluice/memory/image.h"

namespace sluice::app {

/// Initialises GStreamer and registers our elements inside this program. Once, before all else.
Result<void> initialise();

/// How a source's frames come about.
struct Decoding {
    std::string codec;    ///< "H.264 (Main Profile)"; "" where nothing is decoded
    std::string decoder;  ///< the element
    std::string format;   ///< "NV12"; "" before the first frame
    int width = 0;
    int height = 0;
    std::uint64_t bytes = 0;           ///< of one frame's pixels
    int device = memory::kHostMemory;  ///< where they lie
    std::string error;                 ///< why there are none
    std::string reason;                ///< why the decoder is not what was wanted; "" where it is
};

struct RunLimits {
    std::uint64_t frames = 0;  ///< of each source; 0: all
};

/// A run: built, started, polled until it ends, reported. Thread-bound.
class Pipeline {
public:
    /// Errors in the description, or elements that GStreamer lacks.
    static Result<std::unique_ptr<Pipeline>> create(const PipelineDescription& description,
                                                    const std::vector<Source>& sources,
                                                    RunLimits limits = {});
    /// The sources alone, without a model behind them: their frames are wanted where the models
    /// would run, go nowhere, and are one of each.
    static Result<std::unique_ptr<Pipeline>> create_sources(const PipelineDescription& description,
                                                            const std::vector<Source>& sources);
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    /// Loads the models, opens the outputs, then starts the sources. A source that cannot start is
    /// reported like one that fails later; anything else is an error here.
    Result<void> start();
    /// Waits up to `wait` for something to happen and deals with it. False when all is over.
    bool poll(Duration wait);
    /// Ends the sources; what is on its way is finished and files are closed. Go on polling.
    void stop(bool interrupted);

    RunReport report() const;
    /// How each source's frames come about, as far as it is known.
    std::vector<Decoding> decodings() const;
    /// Texts for people (failures, warnings), each once, in the order in which they came; empties
    /// the list.
    std::vector<std::string> take_notices();
    /// The elements behind the sources, and their options.
    std::string outline() const;

private:
    struct State;
    explicit Pipeline(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sluice::app
