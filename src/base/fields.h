#pragma once

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/clock.h"
#include "sluice/base/result.h"
#include "sluice/base/text.h"

namespace sluice {

/// May the tuner and a running pipeline change this option?
enum class Tunable { kNo, kYes };

template <class T>
struct Range {
    T low;
    T high;
};
template <class T>
constexpr Range<T> range(T low, T high) {
    return {low, high};
}

/// Specialise for each enum that is an option: an array of {word, value} pairs.
template <class Enum>
inline constexpr auto enum_words = std::array<std::pair<std::string_view, Enum>, 0>{};

/// One option of a plain struct. Supported member types: bool, int, unsigned, int64, float, double,
/// std::string, Duration (written in seconds: "0.04"), enums with enum_words, and
/// std::vector of int, float or std::string (written with ';' between).
template <class Options, class T>
struct Field {
    using Value = T;
    std::string_view name;
    T Options::*member;
    bool has_range;
    Range<double> limits;
    std::string_view help;
    Tunable tunable;
};

template <class Options, class T>
constexpr auto field(std::string_view name,
                     T Options::*member,
                     std::string_view help,
                     Tunable tunable = Tunable::kNo) {
    return Field<Options, T>{name, member, false, {0, 0}, help, tunable};
}

template <class Options, class T, class R>
constexpr auto field(std::string_view name,
                     T Options::*member,
                     Range<R> limits,
                     std::string_view help,
                     Tunable tunable = Tunable::kNo) {
    return Field<Options, T>{name,
                             member,
                             true,
                             {static_cast<double>(limits.low), static_cast<double>(limits.high)},
                             help,
                             tunable};
}

template <class... Fields>
constexpr auto field_table(Fields... entries) {
    return std::tuple<Fields...>(entries...);
}

/// Specialise per options struct:
///   template <> inline constexpr auto fields<IouOptions> = field_table(field(...), ...);
template <class Options>
inline constexpr auto fields = std::tuple<>{};

/// Calls `visit(field)` for each option of the struct, in the order of the table.
template <class Options, class Visitor>
constexpr void for_each_field(Visitor&& visit) {
    std::apply([&](const auto&... entry) { (visit(entry), ...); }, fields<Options>);
}

namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
Result<T> parse_value(std::string_view text) {
    if constexpr (std::is_same_v<T, bool>) {
        return parse_bool(text);
    } else if constexpr (std::is_enum_v<T>) {
        std::vector<std::string_view> words;
        for (const auto& [word, value] : enum_words<T>) {
            if (word == trim(text)) return value;
            words.push_back(word);
        }
        return invalid_argument(unknown_name("value", trim(text), words));
    } else if constexpr (std::is_integral_v<T>) {
        long long value = SLUICE_TRY(parse_integer(text));
        if (value < static_cast<long long>(std::numeric_limits<T>::min()) ||
            (sizeof(T) < sizeof(long long) &&
             value > static_cast<long long>(std::numeric_limits<T>::max()))) {
            return invalid_argument(fmt::format("{} is out of range", text));
        }
        return static_cast<T>(value);
    } else if constexpr (std::is_floating_point_v<T>) {
        return static_cast<T>(SLUICE_TRY(parse_number(text)));
    } else if constexpr (std::is_same_v<T, Duration>) {
        double seconds = SLUICE_TRY(parse_number(text));
        return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    } else if constexpr (IsVector<T>::value) {
        T out;
        for (std::string_view piece : split(text, ';')) {
            if (piece.empty()) continue;
            out.push_back(SLUICE_TRY(parse_value<typename T::value_type>(piece)));
        }
        return out;
    } else {
        static_assert(std::is_same_v<T, std::string>);
        return std::string(text);
    }
}

template <class T>
double as_number(const T& value) {
    if constexpr (std::is_same_v<T, Duration>) {
        return to_seconds(value);
    } else if constexpr (std::is_arithmetic_v<T>) {
        return static_cast<double>(value);
    } else {
        return 0;
    }
}

}  // namespace detail

/// An option's value as text, such that set_field() would read it back.
template <class T>
std::string to_text(const T& value) {
    if constexpr (std::is_enum_v<T>) {
        for (const auto& [word, candidate] : enum_words<T>) {
            if (candidate == value) return std::string(word);
        }
        return {};
    } else if constexpr (std::is_same_v<T, Duration>) {
        return fmt::format("{}", to_seconds(value));
    } else if constexpr (detail::IsVector<T>::value) {
        return fmt::format("{}", fmt::join(value, ";"));
    } else {
        return fmt::format("{}", value);
    }
}

/// The struct's option names, for help and suggestions.
template <class Options>
std::vector<std::string_view> field_names() {
    std::vector<std::string_view> names;
    for_each_field<Options>([&](const auto& entry) { names.push_back(entry.name); });
    return names;
}

/// Sets one option from text. On failure nothing changes; the error names the option, and the
/// nearest known one when there is none of that name.
template <class Options>
Result<void> set_field(Options& options, std::string_view name, std::string_view text) {
    bool found = false;
    Result<void> outcome;
    for_each_field<Options>([&](const auto& entry) {
        if (entry.name != name) return;
        found = true;
        using Value = typename std::decay_t<decltype(entry)>::Value;
        auto value = detail::parse_value<Value>(text);
        if (!value) {
            outcome = std::move(value).error().context(fmt::format("option '{}'", name));
            return;
        }
        double number = detail::as_number(*value);
        if (entry.has_range && (number < entry.limits.low || number > entry.limits.high)) {
            outcome = invalid_argument(fmt::format("option '{}': {} is not in {} .. {}",
                                                   name,
                                                   text,
                                                   entry.limits.low,
                                                   entry.limits.high));
            return;
        }
        options.*entry.member = std::move(*value);
    });
    if (!found) return invalid_argument(unknown_name("option", name, field_names<Options>()));
    return outcome;
}

}  // namespace sluice
