#include "sluice/config/value.h"

namespace sluice::config {

Value::Value() = default;
Value::~Value() = default;
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;

const Value* Value::find(std::string_view key) const {
    for (const auto& [name, value] : map) {
        if (name == key) return &value;
    }
    return nullptr;
}

Result<std::string> Value::text() const {
    if (kind == Kind::kMap) return invalid_argument("a value is wanted here, not a group", where);
    if (kind != Kind::kList) return scalar;
    std::string joined;
    for (const Value& item : list) {
        if (item.kind != Kind::kScalar)
            return invalid_argument("a list of plain values is wanted", where);
        if (!joined.empty()) joined += ';';
        joined += item.scalar;
    }
    return joined;
}

}  // namespace sluice::config
