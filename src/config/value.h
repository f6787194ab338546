#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/result.h"

namespace sluice::config {

/// A node of a configuration, whatever file it was read from. Scalars stay text: the option that
/// takes them knows their type.
struct Value {
    enum class Kind { kNull, kScalar, kList, kMap };

    Kind kind = Kind::kNull;
    std::string scalar;
    std::vector<Value> list;
    std::vector<std::pair<std::string, Value>> map;  ///< in the order of the file; keys are unique
    std::string where;                               ///< "file.yaml:12"

    // Defaulted in the source: clang 14 cannot destroy `map` before the type is complete.
    Value();
    ~Value();
    Value(const Value&);
    Value(Value&&) noexcept;
    Value& operator=(const Value&);
    Value& operator=(Value&&) noexcept;

    bool is_map() const { return kind == Kind::kMap; }
    bool is_list() const { return kind == Kind::kList; }
    /// The entry of a map, or null when it has none (or this is no map).
    const Value* find(std::string_view key) const;
    /// A scalar's text, or a list's scalars joined with ';' (as list options read them).
    Result<std::string> text() const;
};

}  // namespace sluice::config
