#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/eval/box.h"

namespace sluice::eval {

struct ImageEntry {
    std::int64_t id = 0;
    std::string name;  ///< file name
    int width = 0;
    int height = 0;
};

struct Category {
    std::int64_t id = 0;
    std::string name;  ///< empty where nobody said
};

struct TruthBox {
    std::int64_t image = 0;
    std::int64_t category = 0;
    Box box;
    double area = 0;     ///< of the object, which may be less than its box's
    bool crowd = false;  ///< a region of many: matching it counts neither for nor against
};

struct DetectionTruth {
    std::vector<ImageEntry> images;
    std::vector<Category> categories;
    std::vector<TruthBox> boxes;
};

struct DetectedBox {
    std::int64_t image = 0;
    std::int64_t category = 0;
    Box box;
    double score = 0;
};

}  // namespace sluice::eval
