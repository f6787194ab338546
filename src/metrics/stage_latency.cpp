#include "sluice/metrics/stage_latency.h"

namespace sluice::metrics {

StageLatency::StageLatency(std::span<const std::string_view> names) {
    for (std::string_view name : names)
        stages_.emplace_back(name);
}

void StageLatency::record(std::size_t stage, Duration value) {
    if (stage < stages_.size()) stages_[stage].latency.record(value);
}

std::vector<StageSnapshot> StageLatency::snapshot() const {
    std::vector<StageSnapshot> all;
    all.reserve(stages_.size());
    for (const Stage& stage : stages_)
        all.push_back({stage.name, stage.latency.snapshot()});
    return all;
}

}  // namespace sluice::metrics
