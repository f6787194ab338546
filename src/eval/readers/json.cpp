#include "sluice/eval/detail/json.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/eval/detail/file.h"

namespace sluice::eval::detail {

Result<Json> parse_json(std::string_view text, const std::string& path, std::size_t first_line) {
    try {
        return Json::parse(text.begin(), text.end());
    } catch (const Json::parse_error& error) {
        auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
        auto lines = static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
        return corrupt(fmt::format("no valid JSON: {}", error.what()),
                       place(path, first_line + lines));
    } catch (const Json::exception& error) {
        return corrupt(fmt::format("no valid JSON: {}", error.what()), place(path, first_line));
    }
}

Result<const Json*> member(const Json& object, const char* key, const std::string& where) {
    if (!object.is_object()) return corrupt("wants an object here", where);
    auto found = object.find(key);
    if (found == object.end()) return corrupt(fmt::format("'{}' is missing", key), where);
    return &*found;
}

Result<const Json*> list_member(const Json& object, const char* key, const std::string& where) {
    const Json* list = SLUICE_TRY(member(object, key, where));
    if (!list->is_array()) return corrupt(fmt::format("'{}' should be a list", key), where);
    return list;
}

Result<std::int64_t> integer_member(const Json& object, const char* key, const std::string& where) {
    const Json* value = SLUICE_TRY(member(object, key, where));
    if (!value->is_number_integer()) {
        return corrupt(fmt::format("'{}' should be a whole number", key), where);
    }
    return value->get<std::int64_t>();
}

Result<double> number_member(const Json& object, const char* key, const std::string& where) {
    const Json* value = SLUICE_TRY(member(object, key, where));
    if (!value->is_number()) return corrupt(fmt::format("'{}' should be a number", key), where);
    return value->get<double>();
}

Result<Box> box_member(const Json& object, const char* key, const std::string& where) {
    const Json* list = SLUICE_TRY(list_member(object, key, where));
    bool numbers = std::all_of(
        list->begin(), list->end(), [](const Json& value) { return value.is_number(); });
    if (list->size() != 4 || !numbers) {
        return corrupt(fmt::format("'{}' should be four numbers: left, top, width, height", key),
                       where);
    }
    std::array<double, 4> value{};
    for (std::size_t i = 0; i < value.size(); ++i)
        value[i] = (*list)[i].get<double>();
    return Box{value[0], value[1], value[2], value[3]};
}

std::string text_member(const Json& object, const char* key) {
    auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace sluice::eval::detail
