#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace sluice::app::detail {

/// What a run has to tell people, each text once.
class Notices {
public:
    /// More pages of warnings help nobody.
    static constexpr std::size_t kMost = 100;

    void add(std::string text);
    /// Of the texts on one subject the first alone.
    void add_first(const std::string& subject, std::string text);
    /// In the order in which they came; empties the list.
    std::vector<std::string> take();

private:
    std::vector<std::string> waiting_;
    std::set<std::string> said_;  ///< subjects; at most kMost
};

}  // namespace sluice::app::detail
