#include "sluice/track/registry.h"

#include <algorithm>
#include <array>

#include "sluice/base/log.h"
#include "sluice/base/text.h"
#include "sluice/config/yaml.h"
#include "sluice/track/detail/dialect.h"

namespace sluice::track {
namespace {

constexpr std::array kTrackers{
    TrackerInfo{"iou", "overlap with the last box; no motion: the cheapest, for high frame rates"},
    TrackerInfo{"sort", "overlap with a predicted box; ends a track after two missed frames"},
    TrackerInfo{"bytetrack",
                "SORT's idea in two rounds, so that weak detections keep tracks alive"},
    TrackerInfo{"ocsort", "corrects itself after occlusions and heeds direction; uneven motion"},
};

/// The one of `names` that is the same word as `key` but for spelling; empty when none is.
template <class Names>
std::string_view same_word(const Names& names, std::string_view key) {
    std::string wanted = detail::canonical(key);
    for (std::string_view name : names) {
        if (detail::canonical(name) == wanted) return name;
    }
    return {};
}

/// Fills one tracker's options from keys in any of the accepted spellings.
template <class Options>
class Filler {
public:
    explicit Filler(std::string_view tracker) : tracker_(tracker) {}

    Result<void> read(const config::Value& root) {
        if (root.kind == config::Value::Kind::kNull) return {};
        if (!root.is_map()) {
            return invalid_argument("lines of 'key: value' are wanted in a tracker's file",
                                    root.where);
        }
        for (const auto& [key, value] : root.map)
            SLUICE_TRY(read_entry(key, value));
        return {};
    }

    Result<void> set(std::string_view key, std::string_view text, const std::string& where) {
        auto names = field_names<Options>();
        if (auto own = same_word(names, key); !own.empty()) return assign(own, text, where);
        for (const detail::Alias& alias : detail::aliases()) {
            if (same_word(std::array{alias.name}, key).empty()) continue;
            if (same_word(names, alias.option).empty()) continue;
            return assign_by(alias, key, text, where);
        }
        if (!same_word(detail::deepstream_keys(), key).empty()) {
            log_warning("track", "{}: '{}' means nothing to {}", place(where), key, tracker_);
            return {};
        }
        for (const detail::Alias& alias : detail::aliases()) {
            if (!same_word(names, alias.option).empty()) names.push_back(alias.name);
        }
        return invalid_argument(unknown_name("tracker option", key, names), where);
    }

    const Options& options() const { return options_; }

private:
    Result<void> assign_by(const detail::Alias& alias,
                           std::string_view key,
                           std::string_view text,
                           const std::string& where) {
        std::string value(text);
        if (alias.conversion == detail::Conversion::kFromCost) {
            auto cost = parse_number(text);
            if (!cost) return located(std::move(cost).error(), key, where);
            value = fmt::format("{}", 1 - *cost);
        }
        auto assigned = assign(alias.option, value, where);
        if (assigned) return {};
        return std::move(assigned).error().context(fmt::format("'{}'", key));
    }

    Result<void> read_entry(const std::string& key, const config::Value& value) {
        auto is = [&key](std::string_view group) { return group == key; };
        auto walked = detail::walked_groups();
        auto ignored = detail::ignored_groups();
        if (std::any_of(walked.begin(), walked.end(), is)) {
            if (!value.is_map() && value.kind != config::Value::Kind::kNull)
                return invalid_argument(fmt::format("'{}' is a group of keys", key), value.where);
            for (const auto& [name, entry] : value.map) {
                std::string text = SLUICE_TRY(entry.text());
                SLUICE_TRY(set(name, text, entry.where));
            }
            return {};
        }
        if (std::any_of(ignored.begin(), ignored.end(), is)) {
            log_warning("track", "{}: group '{}' means nothing to {}", value.where, key, tracker_);
            return {};
        }
        if (value.is_map()) {
            std::vector<std::string_view> groups(walked.begin(), walked.end());
            groups.insert(groups.end(), ignored.begin(), ignored.end());
            return invalid_argument(unknown_name("group", key, groups), value.where);
        }
        std::string text = SLUICE_TRY(value.text());
        return set(key, text, value.where);
    }

    Result<void> assign(std::string_view option, std::string_view text, const std::string& where) {
        auto outcome = set_field(options_, option, text);
        if (outcome) return {};
        Error error = std::move(outcome).error();
        error.where = where;
        return error;
    }

    static Error located(Error error, std::string_view key, const std::string& where) {
        error = std::move(error).context(fmt::format("option '{}'", key));
        error.where = where;
        return error;
    }
    static std::string_view place(const std::string& where) {
        return where.empty() ? std::string_view("tracker options") : std::string_view(where);
    }

    std::string_view tracker_;
    Options options_;
};

template <class Options>
Result<TrackerFactory> factory_of(const TrackerSettings& settings) {
    Filler<Options> filler(settings.name);
    if (!settings.config_file.empty()) {
        config::Value root = SLUICE_TRY(config::read_yaml(settings.config_file));
        SLUICE_TRY(filler.read(root));
    }
    for (const auto& [key, text] : settings.options)
        SLUICE_TRY(filler.set(key, text, {}));
    return TrackerFactory([options = filler.options()] { return create_tracker(options); });
}

}  // namespace

std::span<const TrackerInfo> known_trackers() {
    return kTrackers;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_tracker_options(
    std::string_view text) {
    std::vector<std::pair<std::string, std::string>> options;
    for (std::string_view piece : split(text, ';')) {
        if (piece.empty()) continue;
        std::size_t equals = piece.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return invalid_argument(fmt::format("'{}': key=value is wanted", piece));
        options.emplace_back(trim(piece.substr(0, equals)), trim(piece.substr(equals + 1)));
    }
    return options;
}

Result<TrackerFactory> tracker_factory(const TrackerSettings& settings) {
    if (settings.name == "iou") return factory_of<IouOptions>(settings);
    if (settings.name == "sort") return factory_of<SortOptions>(settings);
    if (settings.name == "bytetrack") return factory_of<ByteTrackOptions>(settings);
    if (settings.name == "ocsort") return factory_of<OcSortOptions>(settings);
    std::vector<std::string_view> names;
    for (const TrackerInfo& info : kTrackers)
        names.push_back(info.name);
    return invalid_argument(unknown_name("tracker", settings.name, names));
}

Result<std::unique_ptr<Tracker>> create_tracker(const TrackerSettings& settings) {
    TrackerFactory make = SLUICE_TRY(tracker_factory(settings));
    return make();
}

}  // namespace sluice::track
