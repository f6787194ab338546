#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/eval/detections.h"

namespace sluice::eval {

inline constexpr double kNoScore = -1;  ///< where there was nothing to find

struct CategoryScores {
    std::int64_t id = 0;
    std::string name;
    std::int64_t truth_boxes = 0;  ///< crowds excluded
    double ap = kNoScore;
    double ap50 = kNoScore;
    double ar = kNoScore;
};

/// COCO's twelve numbers, as fractions: mean over IoU .50:.05:.95 and categories, 101-point
/// interpolated, at most 100 detections an image and category.
struct CocoScores {
    double ap = kNoScore, ap50 = kNoScore, ap75 = kNoScore;
    double ap_small = kNoScore, ap_medium = kNoScore, ap_large = kNoScore;
    double ar_1 = kNoScore, ar_10 = kNoScore, ar_100 = kNoScore;
    double ar_small = kNoScore, ar_medium = kNoScore, ar_large = kNoScore;
    std::vector<CategoryScores> categories;  ///< in the order of their ids
};

/// Detections of categories that the truth does not list are left out, as the reference does; an
/// image that it does not list is an error.
Result<CocoScores> evaluate_detections(const DetectionTruth& truth,
                                       std::span<const DetectedBox> detections);

}  // namespace sluice::eval
