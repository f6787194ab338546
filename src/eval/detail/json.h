#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "sluice/base/result.h"
#include "sluice/eval/box.h"

namespace sluice::eval::detail {

using Json = nlohmann::json;

/// The library's exceptions end here. `first_line`: the line of the file that the text begins at.
Result<Json> parse_json(std::string_view text, const std::string& path, std::size_t first_line = 1);

// Members of an object; the error names `where` and the member.
Result<const Json*> member(const Json& object, const char* key, const std::string& where);
Result<const Json*> list_member(const Json& object, const char* key, const std::string& where);
Result<std::int64_t> integer_member(const Json& object, const char* key, const std::string& where);
Result<double> number_member(const Json& object, const char* key, const std::string& where);
Result<Box> box_member(const Json& object, const char* key, const std::string& where);
/// Empty where there is none.
std::string text_member(const Json& object, const char* key);

}  // namespace sluice::eval::detail
