#include <array>
#include <cmath>

#include <fmt/format.h>

#include "sluice/base/text.h"
#include "sluice/eval/detail/file.h"
#include "sluice/eval/readers.h"

namespace sluice::eval {
namespace {

constexpr std::size_t kNeededColumns = 6;
constexpr std::size_t kReadColumns = 8;
/// Ids and frames are written as numbers, perhaps with a fraction; beyond this they lose digits.
constexpr double kLargestId = 1LL << 53;

Result<TrackRow> parse_row(std::string_view line) {
    auto pieces = split(line, ',');
    if (pieces.size() < kNeededColumns) {
        return corrupt(fmt::format("wants frame,id,left,top,width,height,.. but has {} column(s)",
                                   pieces.size()));
    }
    std::array<double, kReadColumns> value{0, 0, 0, 0, 0, 0, 1, -1};
    for (std::size_t i = 0; i < pieces.size() && i < kReadColumns; ++i) {
        // A comma at the end leaves an empty piece.
        if (pieces[i].empty() && i >= kNeededColumns) continue;
        auto number = parse_number(pieces[i]);
        if (!number || !std::isfinite(*number)) {
            return corrupt(fmt::format("column {}: '{}' is no number", i + 1, pieces[i]));
        }
        value[i] = *number;
    }
    if (value[0] < 1 || value[0] > kLargestId) {
        return corrupt(fmt::format("frame {} is not in 1, 2 ..", pieces[0]));
    }
    if (std::abs(value[1]) > kLargestId)
        return corrupt(fmt::format("id {} is too large", pieces[1]));
    if (std::abs(value[7]) > 1e9) return corrupt(fmt::format("class {} is too large", pieces[7]));
    return TrackRow{static_cast<std::int64_t>(value[0]),
                    static_cast<std::int64_t>(value[1]),
                    {value[2], value[3], value[4], value[5]},
                    value[6],
                    static_cast<std::int32_t>(value[7])};
}

}  // namespace

Result<Tracks> parse_mot(std::string_view text, const std::string& name) {
    Tracks tracks;
    auto read = [&](std::string_view line, std::size_t number) -> Result<void> {
        if (trim(line).empty()) return {};
        auto row = parse_row(line);
        if (!row) {
            Error error = std::move(row).error();
            error.where = detail::place(name, number);
            return error;
        }
        tracks.push_back(*row);
        return {};
    };
    SLUICE_TRY(detail::for_each_line(text, read));
    return tracks;
}

Result<Tracks> read_mot(const std::string& path) {
    std::string text = SLUICE_TRY(detail::read_file(path));
    return parse_mot(text, path);
}

}  // namespace sluice::eval
