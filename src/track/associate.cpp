#include "sluice/track/detail/associate.h"

#include <algorithm>
#include <numeric>

namespace sluice::track::detail {
namespace {

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

}  // namespace

void Associator::begin(std::size_t targets, std::size_t measurements) {
    targets_ = targets;
    candidates_.clear();
    matches_.clear();
    taken_.assign(measurements, 0);
    parent_.resize(targets + measurements);
    std::iota(parent_.begin(), parent_.end(), 0);
    local_.assign(targets + measurements, -1);
}

int Associator::root(int node) {
    while (parent_[at(node)] != node) {
        parent_[at(node)] = parent_[at(parent_[at(node)])];
        node = parent_[at(node)];
    }
    return node;
}

void Associator::group_candidates() {
    int offset = static_cast<int>(targets_);
    for (const Candidate& pair : candidates_)
        parent_[at(root(pair.target))] = root(offset + pair.measurement);
    for (Candidate& pair : candidates_)
        pair.group = root(pair.target);
    // A total order, so that equal gains are settled the same way on every machine.
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
        if (a.group != b.group) return a.group < b.group;
        return a.target != b.target ? a.target < b.target : a.measurement < b.measurement;
    });
}

std::span<const Match> Associator::solve() {
    group_candidates();
    std::span<const Candidate> rest(candidates_);
    while (!rest.empty()) {
        std::size_t size = 1;
        while (size < rest.size() && rest[size].group == rest[0].group)
            ++size;
        solve_group(rest.first(size));
        rest = rest.subspan(size);
    }
    return matches_;
}

void Associator::solve_group(std::span<const Candidate> group) {
    if (group.size() == 1) return accept(group[0].target, group[0].measurement);
    rows_.clear();
    columns_.clear();
    auto enter = [this](int node, int index, std::vector<int>& list) {
        if (local_[at(node)] >= 0) return;
        local_[at(node)] = static_cast<int>(list.size());
        list.push_back(index);
    };
    int offset = static_cast<int>(targets_);
    for (const Candidate& pair : group) {
        enter(pair.target, pair.target, rows_);
        enter(offset + pair.measurement, pair.measurement, columns_);
    }
    costs_.assign(rows_.size() * columns_.size(), 0);
    for (const Candidate& pair : group) {
        std::size_t row = at(local_[at(pair.target)]);
        std::size_t column = at(local_[at(offset + pair.measurement)]);
        costs_[row * columns_.size() + column] = -pair.gain;
    }
    std::span<const int> solution = solver_.solve(costs_, rows_.size(), columns_.size(), 0);
    for (std::size_t row = 0; row < solution.size(); ++row) {
        if (solution[row] != kUnassigned) accept(rows_[row], columns_[at(solution[row])]);
    }
}

void Associator::accept(int target, int measurement) {
    matches_.push_back({target, measurement});
    taken_[at(measurement)] = 1;
}

}  // namespace sluice::track::detail
