#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sluice/base/result.h"

namespace sluice::eval::detail {

/// The whole of a file, unpacked where it is gzipped.
Result<std::string> read_file(const std::string& path);

/// Calls `visit(line, number)` for each line, without its end, until one fails.
template <class Visitor>
Result<void> for_each_line(std::string_view text, Visitor&& visit) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (auto done = visit(line, number); !done) return done;
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return {};
}

/// "file:line"
std::string place(const std::string& file, std::size_t line);

/// The last part of a path or URI without its extensions: "a/b.txt.gz" gives "b".
std::string_view stem(std::string_view path);

struct PictureSize {
    int width = 0;
    int height = 0;
};

/// From the header of a JPEG or PNG.
Result<PictureSize> picture_size(const std::string& path);

}  // namespace sluice::eval::detail
