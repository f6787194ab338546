#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.h"

namespace sluice::tuner {

/// What long work found out so far, in a file, so that the same work goes on where it was
/// interrupted. Entries are texts by name. One that was not opened keeps nothing beyond its life.
/// Thread-bound.
class Journal {
public:
    /// Goes on with the file where it is of the same work, as `key` says; else begins anew. A line
    /// that was cut off is forgotten, with what comes after it. kIo.
    static Result<Journal> open(const std::string& path, const std::string& key);

    /// Entries found when it was opened.
    std::size_t resumed() const { return resumed_; }
    const std::string* find(std::string_view name) const;
    std::optional<double> number(std::string_view name) const;
    /// Written before it returns.
    Result<void> keep(const std::string& name, const std::string& text);
    Result<void> keep(const std::string& name, double number);
    /// The work is done: takes the file away.
    void remove();

private:
    struct Entry {
        std::string name;
        std::string text;
    };
    std::string path_;
    std::vector<Entry> entries_;
    std::size_t resumed_ = 0;
};

}  // namespace sluice::tuner
