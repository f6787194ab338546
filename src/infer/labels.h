#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/name.h"
#include "sluice/base/result.h"

namespace sluice::infer {

/// What the classes of a model are called. Detectors have `classes`, classifiers one attribute per
/// output; both may be empty (class numbers are shown then).
struct Labels {
    struct Attribute {
        Name name;  ///< empty: the output's own name
        std::vector<Name> values;
    };
    std::vector<Name> classes;
    std::vector<Attribute> attributes;

    bool empty() const { return classes.empty() && attributes.empty(); }
};

/// One label a line makes a detector's classes; lines with ';' between labels make attributes, one
/// a line, as DeepStream has it. Blank lines at the end do not count.
Result<Labels> parse_labels(std::string_view text, const std::string& name);
Result<Labels> read_labels(const std::string& path);

/// The 80 classes of COCO detection, in the usual order.
std::vector<Name> coco_labels();

/// Labels for `count` classes of which nothing is known: COCO's for 80, else "0", "1", ...
std::vector<Name> default_labels(int count);

}  // namespace sluice::infer
