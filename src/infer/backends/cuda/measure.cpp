#include "sluice/infer/backends/cuda/measure.h"

#include <algorithm>
#include <vector>

#include "sluice/infer/backends/cuda/upload.h"

namespace sluice::infer::cuda {

using memory::cuda::Event;

Result<double> time_of(const ExecutableGraph& graph, const memory::cuda::Stream& stream) {
    const Event from = SLUICE_TRY(Event::create(Event::Kind::kTimed));
    const Event to = SLUICE_TRY(Event::create(Event::Kind::kTimed));
    std::vector<double> times;
    int launches = 3;
    for (int round = 0; round < 8; ++round) {
        SLUICE_TRY(from.record(stream));
        for (int i = 0; i < launches; ++i)
            SLUICE_TRY(launch(graph, stream));
        SLUICE_TRY(to.record(stream));
        SLUICE_TRY(to.wait());
        const double each =
            SLUICE_TRY(Event::milliseconds(from, to)) / static_cast<float>(launches);
        // The first round warms up and says how many make a tenth of a second.
        if (round > 0) times.push_back(each);
        launches = std::max(3, static_cast<int>(100 / each));
    }
    std::nth_element(times.begin(), times.begin() + 3, times.end());
    return times[3];
}

Result<float> shortest_time(const memory::cuda::Stream& stream,
                            const std::function<Result<void>()>& queue) {
    constexpr int kLaunches = 10;
    constexpr int kRounds = 3;
    const Event from = SLUICE_TRY(Event::create(Event::Kind::kTimed));
    const Event to = SLUICE_TRY(Event::create(Event::Kind::kTimed));
    auto repeated = [&]() -> Result<void> {
        for (int i = 0; i < kLaunches; ++i)
            SLUICE_TRY(queue());
        return {};
    };
    const ExecutableGraph graph = SLUICE_TRY(captured(stream, repeated));
    float best = 0;
    for (int round = 0; round < kRounds; ++round) {
        SLUICE_TRY(from.record(stream));
        SLUICE_TRY(launch(graph, stream));
        SLUICE_TRY(to.record(stream));
        SLUICE_TRY(to.wait());
        const float now = SLUICE_TRY(Event::milliseconds(from, to)) / kLaunches;
        best = round == 0 ? now : std::min(best, now);
    }
    return best;
}

Result<void> fill_with_pixels(const memory::cuda::Buffer& input) {
    std::vector<unsigned char> pixels(input.bytes());
    for (std::size_t i = 0; i < pixels.size(); ++i)
        pixels[i] = static_cast<unsigned char>(i * 2654435761u >> 13);
    return upload(pixels.data(), input, "uploading made-up pixels");
}

}  // namespace sluice::infer::cuda
