#include "sluice/eval/detail/mot_sequence.h"

#include <algorithm>
#include <initializer_list>
#include <span>

#include <fmt/format.h>

#include "sluice/base/assignment.h"

namespace sluice::eval::detail {
namespace {

using Rows = std::vector<const TrackRow*>;

constexpr std::int32_t kPedestrian = 1;

bool is_distractor(std::int32_t class_id, MotRules rules) {
    constexpr std::int32_t kPersonOnVehicle = 2;
    constexpr std::int32_t kOtherVehicle = 6;
    constexpr std::int32_t kStaticPerson = 7;
    constexpr std::int32_t kDistractor = 8;
    constexpr std::int32_t kReflection = 12;
    switch (class_id) {
        case kPersonOnVehicle:
        case kStaticPerson:
        case kDistractor:
        case kReflection:
            return true;
        case kOtherVehicle:
            return rules == MotRules::kMot20;
        default:
            return false;
    }
}

bool is_scored(const TrackRow& row, MotRules rules) {
    bool flagged = static_cast<std::int64_t>(row.confidence) != 0;
    return flagged && (rules == MotRules::kPlain || row.class_id == kPedestrian);
}

std::vector<double> overlaps(const Rows& truth, const Rows& results) {
    std::vector<double> out;
    out.reserve(truth.size() * results.size());
    for (const TrackRow* a : truth) {
        for (const TrackRow* b : results)
            out.push_back(overlap(a->box, b->box));
    }
    return out;
}

Result<void> check_unique_ids(Rows rows, std::string_view side) {
    std::sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
    auto twice = std::adjacent_find(
        rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->id == b->id; });
    if (twice == rows.end()) return {};
    return invalid_argument(
        fmt::format("{}: id {} occurs twice in frame {}{}",
                    side,
                    (*twice)->id,
                    (*twice)->frame,
                    (*twice)->id < 0 ? " (detections rather than tracks?)" : ""));
}

/// Takes away the results that match a distractor (MOT16, section 4.1.3 of Milan et al. 2016).
void drop_distractors(const Rows& truth, Rows& results, MotRules rules, AssignmentSolver& solver) {
    std::vector<double> costs = overlaps(truth, results);
    for (double& cost : costs)
        cost = cost < kMatchThreshold - kEpsilon ? 0 : -cost;
    auto columns = solver.solve(costs, truth.size(), results.size(), 0);
    for (std::size_t row = 0; row < truth.size(); ++row) {
        if (columns[row] == kUnassigned || !is_distractor(truth[row]->class_id, rules)) continue;
        results[static_cast<std::size_t>(columns[row])] = nullptr;
    }
    results.erase(std::remove(results.begin(), results.end(), nullptr), results.end());
}

struct Frame {
    Rows truth;
    Rows results;
};

Rows sorted_by_frame(const Tracks& tracks) {
    Rows rows;
    rows.reserve(tracks.size());
    for (const TrackRow& row : tracks)
        rows.push_back(&row);
    std::stable_sort(
        rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->frame < b->frame; });
    return rows;
}

/// The run of rows of one frame, from `position` on, which moves past it.
Rows take(const Rows& rows, std::size_t& position, std::int64_t frame) {
    std::size_t begin = position;
    while (position < rows.size() && rows[position]->frame == frame)
        ++position;
    return {rows.begin() + static_cast<std::ptrdiff_t>(begin),
            rows.begin() + static_cast<std::ptrdiff_t>(position)};
}

Result<std::vector<Frame>> pair_up(const Tracks& truth, const Tracks& results, MotRules rules) {
    Rows truth_rows = sorted_by_frame(truth);
    Rows result_rows = sorted_by_frame(results);
    std::vector<Frame> frames;
    AssignmentSolver solver;
    for (std::size_t t = 0, r = 0; t < truth_rows.size() || r < result_rows.size();) {
        std::int64_t number = std::numeric_limits<std::int64_t>::max();
        if (t < truth_rows.size()) number = std::min(number, truth_rows[t]->frame);
        if (r < result_rows.size()) number = std::min(number, result_rows[r]->frame);
        Frame frame{take(truth_rows, t, number), take(result_rows, r, number)};
        SLUICE_TRY(check_unique_ids(frame.truth, "ground truth").context("scoring tracks"));
        SLUICE_TRY(check_unique_ids(frame.results, "results").context("scoring tracks"));
        if (rules != MotRules::kPlain && !frame.truth.empty() && !frame.results.empty()) {
            drop_distractors(frame.truth, frame.results, rules, solver);
        }
        frame.truth.erase(std::remove_if(frame.truth.begin(),
                                         frame.truth.end(),
                                         [&](const auto* row) { return !is_scored(*row, rules); }),
                          frame.truth.end());
        frames.push_back(std::move(frame));
    }
    return frames;
}

std::vector<std::int64_t> distinct_ids(const std::vector<Frame>& frames, Rows Frame::*side) {
    std::vector<std::int64_t> ids;
    for (const Frame& frame : frames) {
        for (const TrackRow* row : frame.*side)
            ids.push_back(row->id);
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

std::vector<std::size_t> renumber(const Rows& rows, const std::vector<std::int64_t>& ids) {
    std::vector<std::size_t> out;
    out.reserve(rows.size());
    for (const TrackRow* row : rows) {
        auto found = std::lower_bound(ids.begin(), ids.end(), row->id);
        out.push_back(static_cast<std::size_t>(found - ids.begin()));
    }
    return out;
}

}  // namespace

double overlap(const Box& a, const Box& b) {
    double width = std::min(a.right(), b.right()) - std::max(a.left, b.left);
    double height = std::min(a.bottom(), b.bottom()) - std::max(a.top, b.top);
    double area_a = (a.right() - a.left) * (a.bottom() - a.top);
    double area_b = (b.right() - b.left) * (b.bottom() - b.top);
    if (area_a <= kEpsilon || area_b <= kEpsilon) return 0;
    double shared = std::max(width, 0.0) * std::max(height, 0.0);
    double total = area_a + area_b - shared;
    return total > kEpsilon ? shared / total : 0;
}

Result<Sequence> align(const Tracks& truth, const Tracks& results, MotRules rules) {
    std::vector<Frame> frames = SLUICE_TRY(pair_up(truth, results, rules));
    auto truth_ids = distinct_ids(frames, &Frame::truth);
    auto result_ids = distinct_ids(frames, &Frame::results);
    Sequence sequence;
    sequence.truth_ids = truth_ids.size();
    sequence.result_ids = result_ids.size();
    sequence.steps.reserve(frames.size());
    for (const Frame& frame : frames) {
        sequence.truth_boxes += static_cast<std::int64_t>(frame.truth.size());
        sequence.result_boxes += static_cast<std::int64_t>(frame.results.size());
        sequence.steps.push_back({renumber(frame.truth, truth_ids),
                                  renumber(frame.results, result_ids),
                                  overlaps(frame.truth, frame.results)});
    }
    return sequence;
}

}  // namespace sluice::eval::detail
