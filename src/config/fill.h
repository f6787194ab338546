#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "sluice/base/fields.h"
#include "sluice/config/value.h"

namespace sluice::config {

/// Sets each option of the struct that the map names. Keys in `others` are somebody else's and
/// passed over; any further unknown key is an error with file and line and the nearest name.
template <class Options>
Result<void> fill(Options& options,
                  const Value& map,
                  std::initializer_list<std::string_view> others = {}) {
    if (map.kind == Value::Kind::kNull) return {};
    if (!map.is_map())
        return invalid_argument("a group of 'key: value' lines is wanted here", map.where);
    for (const auto& [key, value] : map.map) {
        if (std::find(others.begin(), others.end(), key) != others.end()) continue;
        std::string text = SLUICE_TRY(value.text());
        auto known = field_names<Options>();
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            known.insert(known.end(), others.begin(), others.end());
            return invalid_argument(unknown_name("option", key, known), value.where);
        }
        if (auto set = set_field(options, key, text); !set) {
            Error error = std::move(set).error();
            error.where = value.where;
            return error;
        }
    }
    return {};
}

}  // namespace sluice::config
