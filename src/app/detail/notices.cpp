#include "sluice/app/detail/notices.h"

#include <utility>

namespace sluice::app::detail {

void Notices::add(std::string text) {
    const std::string subject = text;
    add_first(subject, std::move(text));
}

void Notices::add_first(const std::string& subject, std::string text) {
    if (said_.size() >= kMost || !said_.insert(subject).second) return;
    waiting_.push_back(std::move(text));
}

std::vector<std::string> Notices::take() {
    return std::exchange(waiting_, {});
}

}  // namespace sluice::app::detail
