#include "sluice/eval/coco_metrics.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>

// Detection evaluation as COCO defines it (cocodataset.org, "Detection evaluation"): per category,
// detections take the best free truth box in the order of their scores, ignored ones last.

namespace sluice::eval {
namespace {

constexpr std::size_t kThresholds = 10;  // .50:.05:.95
constexpr std::size_t kAt50 = 0;
constexpr std::size_t kAt75 = 5;
constexpr std::size_t kRecallPoints = 101;  // 0:.01:1
constexpr std::array<std::size_t, 3> kMaxDetections{1, 10, 100};
constexpr std::size_t kMost = 100;

struct AreaRange {
    double low;
    double high;
    bool contains(double area) const { return area >= low && area <= high; }
};
constexpr std::array<AreaRange, 4> kAreas{{{0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}}};
constexpr std::size_t kAll = 0;

double threshold(std::size_t index) {
    constexpr double kStep = (0.95 - 0.5) / 9;
    return index + 1 == kThresholds ? 0.95 : static_cast<double>(index) * kStep + 0.5;
}
double recall_point(std::size_t index) {
    return static_cast<double>(index) * 0.01;
}

/// Against a crowd, the share of the detection that lies in it.
double overlap(const Box& detection, const TruthBox& truth) {
    const Box& box = truth.box;
    double width = std::min(detection.right(), box.right()) - std::max(detection.left, box.left);
    double height = std::min(detection.bottom(), box.bottom()) - std::max(detection.top, box.top);
    if (width <= 0 || height <= 0) return 0;
    double shared = width * height;
    double total = truth.crowd ? detection.area() : detection.area() + box.area() - shared;
    return shared / total;
}

/// One image and category: detections by falling score, at most kMost.
struct Cell {
    std::vector<const TruthBox*> truth;
    std::vector<const DetectedBox*> detections;
};

enum class Fate : unsigned char { kTrue, kFalse, kIgnored };

struct Verdict {
    double score = 0;
    std::size_t rank = 0;  ///< within its image
    std::array<Fate, kThresholds> fates{};
};

/// The best truth box that is still free for detection `d`, or npos. Truth is sorted, ignored last.
std::size_t best_match(const Cell& cell,
                       const std::vector<double>& overlaps,
                       std::size_t d,
                       double least,
                       const std::vector<bool>& taken,
                       std::size_t first_ignored) {
    constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
    std::size_t best = kNone;
    for (std::size_t g = 0; g < cell.truth.size(); ++g) {
        if (taken[g] && !cell.truth[g]->crowd) continue;
        if (best != kNone && best < first_ignored && g >= first_ignored) break;
        double value = overlaps[d * cell.truth.size() + g];
        if (value < least) continue;
        least = value;
        best = g;
    }
    return best;
}

void judge(Cell cell, const AreaRange& area, std::vector<Verdict>& verdicts, std::size_t& wanted) {
    auto ignored = [&](const TruthBox* box) { return box->crowd || !area.contains(box->area); };
    auto middle = std::stable_partition(
        cell.truth.begin(), cell.truth.end(), [&](const TruthBox* box) { return !ignored(box); });
    auto first_ignored = static_cast<std::size_t>(middle - cell.truth.begin());
    wanted += first_ignored;

    std::vector<double> overlaps;
    overlaps.reserve(cell.detections.size() * cell.truth.size());
    for (const DetectedBox* detection : cell.detections) {
        for (const TruthBox* truth : cell.truth)
            overlaps.push_back(overlap(detection->box, *truth));
    }
    std::size_t begin = verdicts.size();
    for (std::size_t d = 0; d < cell.detections.size(); ++d) {
        verdicts.push_back({cell.detections[d]->score, d, {}});
    }
    for (std::size_t t = 0; t < kThresholds; ++t) {
        std::vector<bool> taken(cell.truth.size(), false);
        for (std::size_t d = 0; d < cell.detections.size(); ++d) {
            double least = std::min(threshold(t), 1 - 1e-10);
            std::size_t match = best_match(cell, overlaps, d, least, taken, first_ignored);
            bool matched = match < cell.truth.size();
            Fate fate = matched ? Fate::kTrue : Fate::kFalse;
            if (matched ? match >= first_ignored : !area.contains(cell.detections[d]->box.area())) {
                fate = Fate::kIgnored;
            }
            if (matched) taken[match] = true;
            verdicts[begin + d].fates[t] = fate;
        }
    }
}

struct Curve {
    double precision = 0;  ///< mean over the recall points
    double recall = 0;     ///< of all detections
};

/// `verdicts` by falling score, of which those ranked `most` or later in their image do not count.
Curve trace(const std::vector<Verdict>& verdicts,
            std::size_t threshold_index,
            std::size_t most,
            std::size_t wanted) {
    std::vector<double> recall;
    std::vector<double> precision;
    double hits = 0;
    double misses = 0;
    for (const Verdict& verdict : verdicts) {
        if (verdict.rank >= most) continue;
        hits += verdict.fates[threshold_index] == Fate::kTrue ? 1 : 0;
        misses += verdict.fates[threshold_index] == Fate::kFalse ? 1 : 0;
        recall.push_back(hits / static_cast<double>(wanted));
        precision.push_back(hits / (misses + hits + std::numeric_limits<double>::epsilon()));
    }
    for (std::size_t i = precision.size(); i-- > 1;) {
        precision[i - 1] = std::max(precision[i - 1], precision[i]);
    }
    Curve curve;
    curve.recall = recall.empty() ? 0 : recall.back();
    for (std::size_t point = 0; point < kRecallPoints; ++point) {
        auto at = std::lower_bound(recall.begin(), recall.end(), recall_point(point));
        if (at == recall.end()) break;
        curve.precision += precision[static_cast<std::size_t>(at - recall.begin())];
    }
    curve.precision /= static_cast<double>(kRecallPoints);
    return curve;
}

/// Means over what there was to find.
struct Mean {
    double sum = 0;
    int count = 0;
    void add(double value) {
        sum += value;
        ++count;
    }
    double value() const { return count > 0 ? sum / count : kNoScore; }
};

struct Totals {
    std::array<Mean, kAreas.size()> ap;
    std::array<Mean, kAreas.size()> ar;
    std::array<Mean, kMaxDetections.size()> ar_of_most;
    Mean ap50;
    Mean ap75;
};

using Cells = std::map<std::int64_t, Cell>;  // by image id

void score_category(const Cells& cells, CategoryScores& scores, Totals& totals) {
    for (std::size_t a = 0; a < kAreas.size(); ++a) {
        std::vector<Verdict> verdicts;
        std::size_t wanted = 0;
        for (auto& [image, cell] : cells)
            judge(cell, kAreas[a], verdicts, wanted);
        if (wanted == 0) continue;
        std::stable_sort(verdicts.begin(), verdicts.end(), [](const auto& x, const auto& y) {
            return x.score > y.score;
        });
        Mean ap;
        Mean ar;
        for (std::size_t t = 0; t < kThresholds; ++t) {
            Curve curve = trace(verdicts, t, kMost, wanted);
            ap.add(curve.precision);
            ar.add(curve.recall);
            totals.ap[a].add(curve.precision);
            totals.ar[a].add(curve.recall);
            if (a != kAll) continue;
            if (t == kAt50) totals.ap50.add(curve.precision);
            if (t == kAt50) scores.ap50 = curve.precision;
            if (t == kAt75) totals.ap75.add(curve.precision);
            for (std::size_t m = 0; m < kMaxDetections.size(); ++m) {
                totals.ar_of_most[m].add(trace(verdicts, t, kMaxDetections[m], wanted).recall);
            }
        }
        if (a != kAll) continue;
        scores.truth_boxes = static_cast<std::int64_t>(wanted);
        scores.ap = ap.value();
        scores.ar = ar.value();
    }
}

void keep_the_most_certain(Cell& cell) {
    std::stable_sort(cell.detections.begin(),
                     cell.detections.end(),
                     [](const auto* a, const auto* b) { return a->score > b->score; });
    if (cell.detections.size() > kMost) cell.detections.resize(kMost);
}

}  // namespace

Result<CocoScores> evaluate_detections(const DetectionTruth& truth,
                                       std::span<const DetectedBox> detections) {
    std::set<std::int64_t> images;
    for (const ImageEntry& image : truth.images)
        images.insert(image.id);
    std::map<std::int64_t, CategoryScores> categories;
    for (const Category& category : truth.categories) {
        categories[category.id].id = category.id;
        categories[category.id].name = category.name;
    }
    std::map<std::int64_t, Cells> cells;
    for (const TruthBox& box : truth.boxes) {
        if (images.count(box.image) == 0) continue;
        if (categories.count(box.category) == 0) continue;
        cells[box.category][box.image].truth.push_back(&box);
    }
    for (const DetectedBox& box : detections) {
        if (images.count(box.image) == 0) {
            return invalid_argument(fmt::format(
                "a detection is of image {}, which the ground truth does not have", box.image));
        }
        if (categories.count(box.category) == 0) continue;
        cells[box.category][box.image].detections.push_back(&box);
    }
    Totals totals;
    CocoScores scores;
    for (auto& [id, category] : categories) {
        for (auto& [image, cell] : cells[id])
            keep_the_most_certain(cell);
        score_category(cells[id], category, totals);
        scores.categories.push_back(category);
    }
    scores.ap = totals.ap[kAll].value();
    scores.ap50 = totals.ap50.value();
    scores.ap75 = totals.ap75.value();
    scores.ap_small = totals.ap[1].value();
    scores.ap_medium = totals.ap[2].value();
    scores.ap_large = totals.ap[3].value();
    scores.ar_1 = totals.ar_of_most[0].value();
    scores.ar_10 = totals.ar_of_most[1].value();
    scores.ar_100 = totals.ar_of_most[2].value();
    scores.ar_small = totals.ar[1].value();
    scores.ar_medium = totals.ar[2].value();
    scores.ar_large = totals.ar[3].value();
    return scores;
}

}  // namespace sluice::eval
