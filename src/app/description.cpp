#include "sluice/app/description.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "sluice/config/yaml.h"
#include "sluice/infer/model_file.h"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;
using config::Value;

template <class Options>
bool knows(std::string_view name) {
    auto names = field_names<Options>();
    return std::find(names.begin(), names.end(), name) != names.end();
}

Error unknown_option(std::string_view name, std::vector<std::string_view> known) {
    return invalid_argument(unknown_name("option", name, known));
}

template <class... Options>
std::vector<std::string_view> names_of() {
    std::vector<std::string_view> all;
    auto add = [&](auto names) { all.insert(all.end(), names.begin(), names.end()); };
    (add(field_names<Options>()), ...);
    return all;
}

// One function per group that sets an option, whoever asks: the file, or --set.

Result<void> set_option(SourceDescription& source, std::string_view name, std::string_view text) {
    if (knows<SourceOptions>(name)) return set_field(source.source, name, text);
    if (knows<mux::SourceOptions>(name)) return set_field(source.mux, name, text);
    return unknown_option(name, names_of<SourceOptions, mux::SourceOptions>());
}

Result<void> set_option(gst::InferSettings& model, std::string_view name, std::string_view text) {
    if (knows<gst::InferSettings>(name)) return set_field(model, name, text);
    if (knows<infer::EngineOptions>(name)) return set_field(model.engine, name, text);
    if (knows<infer::SecondaryOptions>(name)) return set_field(model.secondary, name, text);
    // Checks name and value without a file.
    auto known = infer::model_option_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
        auto ours = names_of<gst::InferSettings, infer::EngineOptions, infer::SecondaryOptions>();
        known.insert(known.end(), ours.begin(), ours.end());
        return unknown_option(name, known);
    }
    infer::ModelFile file;
    SLUICE_TRY(file.set(name, text));
    model.description[std::string(name)] = text;
    return {};
}

// What is no property of the element is a parameter of the tracker, who knows its own.
Result<void> set_option(TrackerOptions& tracker, std::string_view name, std::string_view text) {
    if (knows<TrackerOptions>(name)) return set_field(tracker, name, text);
    if (!tracker.options.empty()) tracker.options += ';';
    tracker.options += fmt::format("{}={}", name, text);
    return {};
}

template <class Options>
Result<void> set_option(Options& options, std::string_view name, std::string_view text) {
    return set_field(options, name, text);
}

Error at(Error error, const std::string& where) {
    if (error.where.empty()) error.where = where;
    return error;
}

template <class Group>
Result<void> fill_group(Group& group, const Value& map) {
    if (map.kind == Value::Kind::kNull) return {};
    if (!map.is_map())
        return invalid_argument("a group of 'key: value' lines is wanted here", map.where);
    for (const auto& [key, value] : map.map) {
        std::string text = SLUICE_TRY(value.text());
        auto set = set_option(group, key, text);
        if (!set) return at(std::move(set).error(), value.where);
    }
    return {};
}

/// A list of groups; where `word` names the main option, a bare text stands for it.
template <class Group, class Use>
Result<void> fill_list(const Value& list, std::string_view word, Use use) {
    if (list.kind == Value::Kind::kNull) return {};
    if (!list.is_list()) {
        return invalid_argument("a list of '- ' items is wanted here", list.where);
    }
    for (const Value& item : list.list) {
        Group group;
        if (item.kind == Value::Kind::kScalar) {
            auto set = set_option(group, word, item.scalar);
            if (!set) return at(std::move(set).error(), item.where);
        } else {
            SLUICE_TRY(fill_group(group, item));
        }
        SLUICE_TRY(use(std::move(group), item.where));
    }
    return {};
}

bool is_address(const std::string& uri) {
    return uri.find("://") != std::string::npos || uri.starts_with("camera:") ||
           uri.starts_with("test:");
}

void move_below(const std::string& folder, std::string& path) {
    if (path.empty() || folder.empty() || is_address(path) || path.front() == '/') return;
    path = (fs::path(folder) / path).lexically_normal().string();
}

Result<void> fill_tracker(TrackerOptions& tracker, const Value& value) {
    if (value.kind == Value::Kind::kScalar) {
        tracker.tracker = value.scalar;
        return {};
    }
    return fill_group(tracker, value);
}

Result<void> fill_sources(PipelineDescription& out, const Value& list, const std::string& folder) {
    return fill_list<SourceDescription>(
        list, "uri", [&](SourceDescription source, const std::string& where) -> Result<void> {
            if (source.source.uri.empty())
                return invalid_argument("a source needs an option 'uri'", where);
            move_below(folder, source.source.uri);
            out.sources.push_back(std::move(source));
            return {};
        });
}

Result<void> fill_models(PipelineDescription& out, const Value& list, const std::string& folder) {
    return fill_list<gst::InferSettings>(
        list, "model", [&](gst::InferSettings model, const std::string& where) -> Result<void> {
            if (model.model.empty())
                return invalid_argument("a model needs an option 'model': its file", where);
            move_below(folder, model.model);
            move_below(folder, model.config_file_path);
            out.models.push_back(std::move(model));
            return {};
        });
}

Result<void> fill_outputs(PipelineDescription& out, const Value& list) {
    return fill_list<OutputOptions>(
        list, "path", [&](OutputOptions output, const std::string& where) -> Result<void> {
            if (output.path.empty() && output.kind != OutputKind::kWindow)
                return invalid_argument("an output needs an option 'path'", where);
            out.outputs.push_back(std::move(output));
            return {};
        });
}

Result<void> fill_by_name(PipelineDescription& out,
                          const std::string& group,
                          const Value& value,
                          const std::string& folder) {
    static constexpr std::string_view kGroups[] = {
        "sources", "mux", "models", "tracker", "osd", "outputs"};
    if (group == "sources") return fill_sources(out, value, folder);
    if (group == "mux") return fill_group(out.mux, value);
    if (group == "models") return fill_models(out, value, folder);
    if (group == "tracker") {
        SLUICE_TRY(fill_tracker(out.tracker, value));
        move_below(folder, out.tracker.ll_config_file);
        return {};
    }
    if (group == "osd") return fill_group(out.osd, value);
    if (group == "outputs") return fill_outputs(out, value);
    return invalid_argument(unknown_name("group", group, kGroups), value.where);
}

Result<PipelineDescription> convert(const Value& root,
                                    const std::string& name,
                                    const std::string& folder) {
    if (!root.is_map()) {
        return invalid_argument(
            "a pipeline's groups are wanted here: sources, mux, models, tracker, osd, outputs",
            root.where.empty() ? name : root.where);
    }
    PipelineDescription out;
    for (const auto& [group, value] : root.map)
        SLUICE_TRY(fill_by_name(out, group, value, folder));
    return out;
}

// ---- --set --------------------------------------------------------------------------------------

template <class Item>
Result<void> set_in_list(std::vector<Item>& items,
                         std::string_view group,
                         std::string_view index,
                         std::string_view option,
                         std::string_view text) {
    if (items.empty()) return invalid_argument(fmt::format("there are no {} to set", group));
    if (index.empty()) {
        for (Item& item : items)
            SLUICE_TRY(set_option(item, option, text));
        return {};
    }
    long long number = SLUICE_TRY(parse_integer(index));
    if (number < 0 || static_cast<std::size_t>(number) >= items.size()) {
        return invalid_argument(
            fmt::format("{}.{}: there are {}, counted from 0", group, index, items.size()));
    }
    return set_option(items[static_cast<std::size_t>(number)], option, text);
}

Result<void> set_by_path(PipelineDescription& description,
                         const std::vector<std::string_view>& path,
                         std::string_view text) {
    std::string_view group = path.front();
    std::string_view option = path.back();
    std::string_view index = path.size() == 3 ? path[1] : std::string_view();
    if (group == "sources") return set_in_list(description.sources, group, index, option, text);
    if (group == "models") return set_in_list(description.models, group, index, option, text);
    if (group == "outputs") return set_in_list(description.outputs, group, index, option, text);
    if (!index.empty()) return invalid_argument("a group and an option are wanted");
    if (group == "mux") return set_option(description.mux, option, text);
    if (group == "tracker") return set_option(description.tracker, option, text);
    if (group == "osd") return set_option(description.osd, option, text);
    static constexpr std::string_view kGroups[] = {
        "sources", "mux", "models", "tracker", "osd", "outputs"};
    return invalid_argument(unknown_name("group", group, kGroups));
}

// ---- writing ------------------------------------------------------------------------------------

bool needs_quotes(const std::string& text) {
    return text.find_first_of(":#{}[],&*!|>'\"%@`;?") != std::string::npos || text.front() == '-' ||
           text.front() == ' ' || text.back() == ' ';
}

std::string quoted(const std::string& text) {
    if (text.empty() || !needs_quotes(text)) return text;
    std::string out = "'";
    for (char c : text)
        out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
}

/// "name: value" lines; the first begins with `first`, the others with as many blanks. An option
/// that an earlier table has as well is written once.
class Lines {
public:
    Lines(std::string& out, std::string first) : out_(out), lead_(std::move(first)) {}

    void add(std::string_view name, const std::string& text) {
        if (text.empty() || !written_.insert(std::string(name)).second) return;
        out_ += fmt::format("{}{}: {}\n", lead_, name, quoted(text));
        lead_.assign(lead_.size(), ' ');
    }
    template <class Options>
    void add_all(const Options& options) {
        for_each_field<Options>(
            [&](const auto& entry) { add(entry.name, to_text(options.*entry.member)); });
    }
    /// Only what differs from the defaults.
    template <class Options>
    void add_changed(const Options& options) {
        const Options defaults{};
        for_each_field<Options>([&](const auto& entry) {
            std::string text = to_text(options.*entry.member);
            if (text != to_text(defaults.*entry.member)) add(entry.name, text);
        });
    }

private:
    std::string& out_;
    std::string lead_;
    std::set<std::string> written_;
};

}  // namespace

Result<PipelineDescription> parse_description(std::string_view text,
                                              const std::string& name,
                                              const std::string& folder) {
    return convert(SLUICE_TRY(config::parse_yaml(text, name)), name, folder);
}

Result<PipelineDescription> read_description(const std::string& path) {
    Value root = SLUICE_TRY(config::read_yaml(path));
    return convert(root, path, fs::path(path).parent_path().string());
}

Result<void> apply_setting(PipelineDescription& description, std::string_view setting) {
    std::size_t equals = setting.find('=');
    auto path = split(setting.substr(0, equals), '.');
    if (equals == std::string_view::npos || path.size() < 2 || path.size() > 3) {
        return invalid_argument(
            fmt::format("'{}': write GROUP.OPTION=VALUE, e.g. mux.batch-size=4", setting));
    }
    return set_by_path(description, path, trim(setting.substr(equals + 1)))
        .context(fmt::format("'{}'", setting));
}

std::string to_yaml(const PipelineDescription& description) {
    std::string out = "sources:\n";
    for (const SourceDescription& source : description.sources) {
        Lines lines(out, "  - ");
        lines.add_changed(source.source);
        lines.add_changed(source.mux);
    }
    out += "mux:\n";
    Lines(out, "  ").add_all(description.mux);
    out += "models:\n";
    for (const gst::InferSettings& model : description.models) {
        Lines lines(out, "  - ");
        lines.add_all(model);
        lines.add_all(model.engine);
        lines.add_changed(model.secondary);
        for (const auto& [name, text] : model.description)
            lines.add(name, text);
    }
    out += "tracker:\n";
    Lines(out, "  ").add_all(description.tracker);
    out += "osd:\n";
    Lines(out, "  ").add_all(description.osd);
    out += "outputs:\n";
    for (const OutputOptions& output : description.outputs)
        Lines(out, "  - ").add_all(output);
    return out;
}

}  // namespace sluice::app
