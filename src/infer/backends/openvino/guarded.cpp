#include "sluice/infer/backends/openvino/guarded.h"

#include "sluice/base/text.h"

namespace sluice::infer {
namespace {

bool is_noise(std::string_view line) {
    return line.empty() || line.starts_with("Exception from ") || line.starts_with("Check '") ||
           line.starts_with("While validating");
}

}  // namespace

std::string essence(const std::string& message) {
    std::string text;
    for (std::string_view line : split(message, '\n')) {
        if (is_noise(line)) continue;
        if (!text.empty()) text += "; ";
        text += line;
        if (text.size() > 300) break;
    }
    return text.empty() ? message : text;
}

}  // namespace sluice::infer
