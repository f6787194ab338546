#include "sluice/tuner/precisions.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace sluice::tuner {
namespace {

using infer::Precision;

/// Requests of one engine, with pictures in them.
Result<std::vector<std::unique_ptr<infer::Request>>> requests(
    infer::Engine& engine, const std::vector<const Sample*>& samples) {
    std::vector<std::unique_ptr<infer::Request>> out;
    std::size_t next = 0;
    for (int i = 0; i < std::max(engine.request_count(), 1); ++i) {
        out.push_back(SLUICE_TRY(engine.create_request()));
        for (int item = 0; item < engine.batch_size(); ++item) {
            const std::vector<std::byte>& input = samples[next++ % samples.size()]->input;
            std::memcpy(out.back()->item(0, item).data(), input.data(), input.size());
        }
        out.back()->set_count(engine.batch_size());
    }
    return out;
}

Result<double> rate(infer::Engine& engine,
                    std::vector<std::unique_ptr<infer::Request>>& requests,
                    Duration turn) {
    const TimePoint begin = now();
    for (auto& request : requests)
        SLUICE_TRY(engine.submit(*request));
    std::size_t done = 0;
    while (now() - begin < turn) {
        infer::Request& next = *requests[done++ % requests.size()];
        SLUICE_TRY(engine.wait(next));
        SLUICE_TRY(engine.submit(next));
    }
    for (std::size_t i = 0; i < requests.size(); ++i)
        SLUICE_TRY(engine.wait(*requests[done++ % requests.size()]));
    return static_cast<double>(done) * engine.batch_size() / to_seconds(now() - begin);
}

}  // namespace

double Contender::images_per_second() const {
    if (rates.empty()) return 0;
    std::vector<double> sorted = rates;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
}

Result<std::vector<Contender>> contenders(
    Subject& subject, const std::shared_ptr<const infer::Calibration>& calibration, int batch) {
    std::vector<Contender> out;
    for (Precision precision :
         {Precision::kFp32, Precision::kBf16, Precision::kFp16, Precision::kInt8}) {
        auto engine = subject.compile(precision, calibration, batch);
        if (!engine && precision == Precision::kFp32 && batch > 1 &&
            engine.error().code == ErrorCode::kUnsupported) {
            batch = 1;
            engine = subject.compile(precision, calibration, batch);
        }
        if (engine) {
            out.push_back({precision, std::move(*engine), {}});
            continue;
        }
        if (precision == Precision::kFp32 || engine.error().code != ErrorCode::kUnsupported)
            return std::move(engine).error();
    }
    return out;
}

Result<void> race(const std::vector<const Sample*>& samples,
                  Duration turn,
                  int rounds,
                  std::vector<Contender>& contenders,
                  Progress& progress) {
    std::vector<std::vector<std::unique_ptr<infer::Request>>> ready;
    for (Contender& contender : contenders)
        ready.push_back(SLUICE_TRY(requests(*contender.engine, samples)));
    const int turns = (rounds + 1) * static_cast<int>(contenders.size());
    int done = 0;
    for (int round = 0; round <= rounds; ++round) {
        for (std::size_t i = 0; i < contenders.size(); ++i) {
            SLUICE_TRY(progress.step("measuring the speed", done++, turns));
            const double value =
                SLUICE_TRY(rate(*contenders[i].engine, ready[i], round == 0 ? turn / 4 : turn));
            if (round > 0) contenders[i].rates.push_back(value);
        }
    }
    return {};
}

}  // namespace sluice::tuner
