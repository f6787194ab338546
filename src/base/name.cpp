#include "sluice/base/name.h"

#include <set>

#include "sluice/base/mutex.h"

namespace sluice {

Name::Name(std::string_view text) {
    if (text.empty()) return;
    // Leaked on purpose: names outlive every static object that may hold one.
    static Mutex& mutex = *new Mutex;
    static auto& names = *new std::set<std::string, std::less<>>;
    MutexLock lock(mutex);
    auto found = names.find(text);
    if (found == names.end()) found = names.emplace(text).first;
    text_ = &*found;
}

}  // namespace sluice
