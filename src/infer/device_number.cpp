#include "sluice/infer/device_number.h"

#include "sluice/base/text.h"

namespace sluice::infer {

std::optional<int> device_number(const std::string& device) {
    const std::string word = to_lower(device);
    if (word == "cuda") return 0;
    if (!word.starts_with("cuda:")) return std::nullopt;
    auto number = parse_integer(std::string_view(word).substr(5));
    if (!number || *number < 0 || *number > 1023) return std::nullopt;
    return static_cast<int>(*number);
}

}  // namespace sluice::infer
