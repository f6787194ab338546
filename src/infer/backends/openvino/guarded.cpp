#include "sluice/infer/backends/openvino/guarded.h"

#include "sluice/base/text.h"

namespace sluice::infer {
namespace {

bool is_noise(std::string_view line) {
    for (const char* noise : {"Exception from ",
                              "Check '",
                              "While validating",
                              "FrontEnd API failed",
                              "Model wasn't fully converted",
                              "Summary:"}) {
        if (line.starts_with(noise)) return true;
    }
    return line.empty();
}

}  // namespace

std::string essence(const std::string& message) {
    std::string text;
    for (std::string_view line : split(message, '\n')) {
        if (is_noise(line)) continue;
        if (line.starts_with("-- ")) line.remove_prefix(3);
        if (!text.empty()) text += "; ";
        text += line;
        if (text.size() > 300) break;
    }
    return text.empty() ? message : text;
}

}  // namespace sluice::infer
