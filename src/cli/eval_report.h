#pragma once

#include <string>
#include <vector>

#include "sluice/eval/coco_metrics.h"
#include "sluice/eval/mot_metrics.h"

namespace sluice::cli {

struct NamedScores {
    std::string name;
    eval::MotScores scores;
};

// Tables are in per cent, JSON in fractions. `scores` ends with the sequences' combination when
// there are several.
std::string mot_table(const std::vector<NamedScores>& scores);
std::string mot_json(const std::vector<NamedScores>& scores);
std::string detections_table(const eval::CocoScores& scores);
std::string detections_json(const eval::CocoScores& scores);

}  // namespace sluice::cli
