#include "sluice/config/yaml.h"

#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace sluice::config {
namespace {

std::string place(const std::string& name, const YAML::Mark& mark) {
    return mark.is_null() ? name : fmt::format("{}:{}", name, mark.line + 1);
}

Result<Value> convert(const YAML::Node& node, const std::string& name) {
    Value value;
    value.where = place(name, node.Mark());
    if (node.IsScalar()) {
        value.kind = Value::Kind::kScalar;
        value.scalar = node.Scalar();
    } else if (node.IsSequence()) {
        value.kind = Value::Kind::kList;
        for (const YAML::Node& item : node)
            value.list.push_back(SLUICE_TRY(convert(item, name)));
    } else if (node.IsMap()) {
        value.kind = Value::Kind::kMap;
        for (const auto& entry : node) {
            if (!entry.first.IsScalar()) {
                return invalid_argument("a key must be a plain word",
                                        place(name, entry.first.Mark()));
            }
            const std::string& key = entry.first.Scalar();
            if (value.find(key)) {
                return invalid_argument(fmt::format("key '{}' stands here twice", key),
                                        place(name, entry.first.Mark()));
            }
            value.map.emplace_back(key, SLUICE_TRY(convert(entry.second, name)));
        }
    }
    return value;
}

}  // namespace

Result<Value> parse_yaml(std::string_view text, const std::string& name) {
    std::string copy(text);
    // OpenCV's way to begin a file, found in DeepStream's, is no YAML: made a comment.
    if (copy.starts_with("%YAML:")) copy[0] = '#';
    try {
        return convert(YAML::Load(copy), name);
    } catch (const YAML::Exception& e) {
        return invalid_argument(e.msg, place(name, e.mark));
    }
}

Result<Value> read_yaml(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) return io_error("cannot read this file", path);
    return parse_yaml(text.str(), path);
}

}  // namespace sluice::config
