#pragma once

#include <cfloat>
#include <string>

#include <glib-object.h>

#include "sluice/base/fields.h"

/// An option table seen as GObject properties: same names, ranges, defaults and words.
/// Durations are doubles in seconds; lists are strings with ';' between.
namespace sluice::gst {

namespace detail {

constexpr auto kFlags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

// DeepStream writes some words as numbers of its own ("0" is fp32): such options are strings, since
// a GEnum would confuse its values with theirs.
template <class Enum>
constexpr bool has_number_words() {
    for (const auto& [word, value] : enum_words<Enum>) {
        if (word[0] >= '0' && word[0] <= '9') return true;
    }
    return false;
}

template <class Value>
constexpr bool is_genum() {
    if constexpr (std::is_enum_v<Value>) {
        return !has_number_words<Value>();
    } else {
        return false;
    }
}

template <class Enum>
GType enum_type(const char* name) {
    if (GType there = g_type_from_name(name)) return there;
    // Lives as long as the type: for ever.
    auto* values = new std::vector<GEnumValue>;
    for (const auto& [word, value] : enum_words<Enum>) {
        const char* text = g_intern_string(std::string(word).c_str());
        values->push_back({static_cast<gint>(value), text, text});
    }
    values->push_back({0, nullptr, nullptr});
    return g_enum_register_static(g_intern_string(name), values->data());
}

template <class Entry, class Options>
GParamSpec* make_spec(const char* owner, const Entry& entry, const Options& defaults) {
    using Value = typename Entry::Value;
    const char* name = g_intern_string(std::string(entry.name).c_str());
    const char* blurb = g_intern_string(std::string(entry.help).c_str());
    const Value& initial = defaults.*entry.member;
    auto low = [&](double all) { return entry.has_range ? entry.limits.low : all; };
    auto high = [&](double all) { return entry.has_range ? entry.limits.high : all; };
    if constexpr (std::is_same_v<Value, bool>) {
        return g_param_spec_boolean(name, name, blurb, initial, kFlags);
    } else if constexpr (is_genum<Value>()) {
        std::string type = std::string(owner) + "-" + std::string(entry.name);
        return g_param_spec_enum(
            name, name, blurb, enum_type<Value>(type.c_str()), static_cast<gint>(initial), kFlags);
    } else if constexpr (std::is_integral_v<Value>) {
        if constexpr (sizeof(Value) == 8) {
            return g_param_spec_int64(name,
                                      name,
                                      blurb,
                                      static_cast<gint64>(low(-9.0e18)),
                                      static_cast<gint64>(high(9.0e18)),
                                      static_cast<gint64>(initial),
                                      kFlags);
        } else {
            return g_param_spec_int(name,
                                    name,
                                    blurb,
                                    static_cast<gint>(low(G_MININT)),
                                    static_cast<gint>(std::min(high(G_MAXINT), double{G_MAXINT})),
                                    static_cast<gint>(initial),
                                    kFlags);
        }
    } else if constexpr (std::is_floating_point_v<Value> || std::is_same_v<Value, Duration>) {
        return g_param_spec_double(name,
                                   name,
                                   blurb,
                                   low(-DBL_MAX),
                                   high(DBL_MAX),
                                   sluice::detail::as_number(initial),
                                   kFlags);
    } else {
        return g_param_spec_string(
            name, name, blurb, g_intern_string(to_text(initial).c_str()), kFlags);
    }
}

template <class Value>
void store(GValue* out, const Value& value) {
    if constexpr (std::is_same_v<Value, bool>) {
        g_value_set_boolean(out, value);
    } else if constexpr (is_genum<Value>()) {
        g_value_set_enum(out, static_cast<gint>(value));
    } else if constexpr (std::is_integral_v<Value>) {
        if constexpr (sizeof(Value) == 8) {
            g_value_set_int64(out, static_cast<gint64>(value));
        } else {
            g_value_set_int(out, static_cast<gint>(value));
        }
    } else if constexpr (std::is_floating_point_v<Value> || std::is_same_v<Value, Duration>) {
        g_value_set_double(out, sluice::detail::as_number(value));
    } else {
        g_value_set_string(out, to_text(value).c_str());
    }
}

// A GValue of the property's type as the text that set_field() reads.
inline std::string text_of(const GValue* value) {
    if (G_VALUE_HOLDS_ENUM(value)) {
        auto* type = static_cast<GEnumClass*>(g_type_class_ref(G_VALUE_TYPE(value)));
        const GEnumValue* found = g_enum_get_value(type, g_value_get_enum(value));
        std::string word = found ? found->value_nick : "";
        g_type_class_unref(type);
        return word;
    }
    if (G_VALUE_HOLDS_BOOLEAN(value)) return g_value_get_boolean(value) ? "true" : "false";
    if (G_VALUE_HOLDS_INT(value)) return fmt::format("{}", g_value_get_int(value));
    if (G_VALUE_HOLDS_INT64(value)) return fmt::format("{}", g_value_get_int64(value));
    if (G_VALUE_HOLDS_DOUBLE(value)) return fmt::format("{}", g_value_get_double(value));
    const gchar* text = g_value_get_string(value);
    return text ? text : "";
}

}  // namespace detail

/// Installs one property per option, with ids first, first+1, ...; returns the next free id. An
/// option that an earlier table has as well is one property.
/// `owner` makes the names of enum types unique, e.g. "SluiceMux".
template <class Options>
guint install_options(GObjectClass* type, const char* owner, guint first) {
    const Options defaults{};
    for_each_field<Options>([&](const auto& entry) {
        std::string name(entry.name);
        if (g_object_class_find_property(type, name.c_str())) return;
        g_object_class_install_property(type, first++, detail::make_spec(owner, entry, defaults));
    });
    return first;
}

/// Sets the option behind property `spec`; an error only for text that a list or path cannot be.
template <class Options>
Result<void> set_option(Options& options, const GValue* value, const GParamSpec* spec) {
    return set_field(options, spec->name, detail::text_of(value));
}

/// Reads the option behind property `spec`; false when it is none of this table's.
template <class Options>
bool get_option(const Options& options, GValue* value, const GParamSpec* spec) {
    bool found = false;
    for_each_field<Options>([&](const auto& entry) {
        if (entry.name != spec->name) return;
        detail::store(value, options.*entry.member);
        found = true;
    });
    return found;
}

/// True when the table has an option of this name.
template <class Options>
bool has_option(std::string_view name) {
    for (std::string_view known : field_names<Options>()) {
        if (known == name) return true;
    }
    return false;
}

}  // namespace sluice::gst
