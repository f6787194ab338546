#include "sluice/infer/model_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "sluice/config/fill.h"
#include "sluice/config/yaml.h"
#include "sluice/infer/conventions.h"

namespace sluice::infer {
namespace {

namespace fs = std::filesystem;
using config::Value;

constexpr std::string_view kLabels = "labels";
constexpr std::string_view kLabelFile = "labelfile-path";
constexpr std::string_view kLibrary = "custom-lib-path";
constexpr std::string_view kAllClasses = "class-attrs-all";
constexpr std::string_view kOneClass = "class-attrs-";

/// The option structs that a model's file fills.
struct Options {
    HeadOptions head;
    PreprocessOptions preprocess;
    PostprocessOptions postprocess;
    ClassifierOptions classifier;
};

template <class T>
bool has_field(std::string_view key) {
    auto names = field_names<T>();
    return std::find(names.begin(), names.end(), key) != names.end();
}

template <class T>
Result<void> set_at(T& options, std::string_view key, const Value& value) {
    std::string text = SLUICE_TRY(value.text());
    if (auto set = set_field(options, key, text); !set) {
        Error error = std::move(set).error();
        error.where = value.where;
        return error;
    }
    return {};
}

Result<void> apply_flat(Options& options, std::string_view key, const Value& value) {
    if (has_field<HeadOptions>(key)) return set_at(options.head, key, value);
    if (has_field<PreprocessOptions>(key)) return set_at(options.preprocess, key, value);
    if (has_field<PostprocessOptions>(key)) return set_at(options.postprocess, key, value);
    if (has_field<ClassifierOptions>(key)) return set_at(options.classifier, key, value);
    if (has_field<ClassAttributes>(key)) return set_at(options.postprocess.all, key, value);
    auto known = model_option_names();
    return invalid_argument(unknown_name("option", key, known), value.where);
}

Result<void> apply_class(Options& options, std::string_view key, const Value& value) {
    auto class_id = parse_integer(key.substr(kOneClass.size()));
    if (!class_id || *class_id < 0 || *class_id > std::numeric_limits<int>::max())
        return invalid_argument(
            fmt::format("'{}' is neither class-attrs-all nor class-attrs- and a class number", key),
            value.where);
    ClassAttributes attributes = options.postprocess.all;
    SLUICE_TRY(config::fill(attributes, value));
    options.postprocess.by_class.emplace_back(static_cast<int>(*class_id), attributes);
    return {};
}

/// Single classes come last: they start from what all classes have.
Result<void> apply(const Value& root, Options& options) {
    for (const auto& [key, value] : root.map) {
        if (key == kLabels || key == kLabelFile) continue;
        if (key == kAllClasses) {
            SLUICE_TRY(config::fill(options.postprocess.all, value));
        } else if (!key.starts_with(kOneClass)) {
            SLUICE_TRY(apply_flat(options, key, value));
        }
    }
    for (const auto& [key, value] : root.map) {
        if (key.starts_with(kOneClass) && key != kAllClasses)
            SLUICE_TRY(apply_class(options, key, value));
    }
    return check(options.preprocess);
}

/// The map's entry of that name, made if absent.
Value& entry(Value& map, std::string_view key) {
    for (auto& [name, value] : map.map) {
        if (name == key) return value;
    }
    return map.map.emplace_back(std::string(key), Value()).second;
}

/// Relative to the folder of the model's file.
std::string resolved(const std::string& path, const std::string& model_file) {
    if (path.empty() || fs::path(path).is_absolute()) return path;
    return (fs::path(model_file).parent_path() / path).string();
}

Result<std::vector<Name>> names_of(const Value& list) {
    if (!list.is_list()) return invalid_argument("a list of labels is wanted", list.where);
    std::vector<Name> names;
    for (const Value& item : list.list) {
        if (item.kind != Value::Kind::kScalar)
            return invalid_argument("a list of labels is wanted", item.where);
        names.emplace_back(item.scalar);
    }
    if (names.empty()) return invalid_argument("a list without labels", list.where);
    return names;
}

struct FoundLabels {
    Labels labels;
    std::string source;  ///< "" when there are none
};

Result<FoundLabels> inline_labels(const Value& value) {
    FoundLabels found{{}, value.where};
    if (!value.is_map()) {
        found.labels.classes = SLUICE_TRY(names_of(value));
        return found;
    }
    for (const auto& [name, list] : value.map)
        found.labels.attributes.push_back({Name(name), SLUICE_TRY(names_of(list))});
    return found;
}

/// Ultralytics write "{0: 'person', 1: 'bicycle'}" into their exports.
FoundLabels metadata_labels(std::span<const std::pair<std::string, std::string>> metadata) {
    for (const auto& [key, text] : metadata) {
        if (key != "names") continue;
        auto value = config::parse_yaml(text, "the model's own labels");
        if (!value || !value->is_map()) continue;
        FoundLabels found{{}, "the model's own labels"};
        for (const auto& [number, label] : value->map)
            found.labels.classes.emplace_back(label.scalar);
        return found;
    }
    return {};
}

Result<FoundLabels> find_labels(const Value& root,
                                const std::string& path,
                                std::span<const std::pair<std::string, std::string>> metadata) {
    const Value* inlined = root.find(kLabels);
    const Value* file = root.find(kLabelFile);
    if (inlined != nullptr && file != nullptr)
        return invalid_argument("both labels and labelfile-path are given", file->where);
    if (inlined != nullptr) return inline_labels(*inlined);
    if (file == nullptr) return metadata_labels(metadata);
    std::string label_path = resolved(SLUICE_TRY(file->text()), path);
    auto labels = read_labels(label_path);
    if (!labels) {
        Error error = std::move(labels).error().context(fmt::format("reading {}", label_path));
        error.where = file->where;
        return error;
    }
    return FoundLabels{std::move(*labels), label_path};
}

int label_count(const Labels& labels) {
    if (!labels.classes.empty()) return static_cast<int>(labels.classes.size());
    if (labels.attributes.size() != 1) return 0;
    return static_cast<int>(labels.attributes[0].values.size());
}

/// The network's image input.
Result<std::size_t> find_image(std::span<const TensorSpec> inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].layout != Layout::kOther) return i;
    }
    return unsupported("the network has no image among its inputs");
}

Result<memory::Size> input_size(const TensorSpec& input, const PreprocessOptions& options) {
    memory::Size size = image_size(input);
    const auto& dims = options.infer_dims;
    if (dims.empty()) {
        if (size.width > 0 && size.height > 0) return size;
        return invalid_argument(fmt::format(
            "input '{}' leaves its rows and columns open: say infer-dims: 3;height;width",
            input.name));
    }
    if ((size.height > 0 && size.height != dims[1]) || (size.width > 0 && size.width != dims[2]))
        return invalid_argument(fmt::format("infer-dims says {}, but input '{}' is {}x{} (WxH)",
                                            fmt::join(dims, ";"),
                                            input.name,
                                            size.width,
                                            size.height));
    return memory::Size{dims[2], dims[1]};
}

/// Before recognition: what the labels say of the head.
Result<void> let_labels_speak(const FoundLabels& found, HeadOptions& head) {
    if (head.head == HeadKind::kAuto && found.labels.attributes.size() > 1)
        head.head = HeadKind::kClassifier;
    const int count = label_count(found.labels);
    if (head.num_detected_classes > 0 && count > 0 && count != head.num_detected_classes)
        return invalid_argument(fmt::format("num-detected-classes is {}, but there are {} labels",
                                            head.num_detected_classes,
                                            count),
                                found.source);
    if (head.num_detected_classes == 0) head.num_detected_classes = count;
    return {};
}

/// What Ultralytics write into their exports beside the labels; "" where somebody else made it.
struct UltralyticsFacts {
    std::string task;
    std::string head;
};

UltralyticsFacts ultralytics_facts(std::span<const std::pair<std::string, std::string>> metadata) {
    UltralyticsFacts facts;
    bool theirs = false;
    for (const auto& [key, text] : metadata) {
        if (key == "author") theirs = text == "Ultralytics";
        if (key == "task") facts.task = text;
        if (key == "head") facts.head = text;
    }
    return theirs ? facts : UltralyticsFacts{};
}

/// Before recognition: what the exporter says of the head.
Result<void> let_exporter_speak(const UltralyticsFacts& facts, HeadOptions& head) {
    const bool decoded = facts.task.empty() || facts.task == "detect" || facts.task == "classify";
    if (head.head == HeadKind::kAuto && !decoded)
        return unsupported(fmt::format(
            "made for the task '{}' of Ultralytics, whose outputs are not decoded here; export one "
            "for 'detect' or 'classify', or name a 'head:' (tensors; custom with custom-lib-path)",
            facts.task));
    if (facts.head != "RTDETRDecoder") return {};
    if (head.box_layout == BoxLayout::kAuto) head.box_layout = BoxLayout::kCxcywh;
    if (head.box_unit == BoxUnit::kAuto) head.box_unit = BoxUnit::kNormalized;
    return {};
}

Result<Labels> detector_labels(FoundLabels found, const HeadLayout& head) {
    Labels& labels = found.labels;
    if (labels.attributes.size() == 1) labels.classes = labels.attributes[0].values;
    if (labels.attributes.size() > 1)
        return invalid_argument(fmt::format("labels for {} attributes, but the head {} finds boxes",
                                            labels.attributes.size(),
                                            to_text(head.kind())),
                                found.source);
    labels.attributes.clear();
    const int count = label_count(labels);
    if (count > 0 && count != head.classes())
        return invalid_argument(fmt::format("{} labels, but the head {} has {} classes",
                                            count,
                                            to_text(head.kind()),
                                            head.classes()),
                                found.source);
    if (count == 0) labels.classes = default_labels(head.classes());
    return labels;
}

Result<Labels> classifier_labels(FoundLabels found,
                                 std::span<const TensorSpec> outputs,
                                 const ClassifierOptions& options) {
    Labels& labels = found.labels;
    if (!labels.classes.empty()) labels.attributes = {{Name(), std::move(labels.classes)}};
    labels.classes.clear();
    if (auto made = Classifier::create(outputs, options, labels, 0); !made) {
        Error error = std::move(made).error();
        error.where = found.source;
        return error;
    }
    return labels;
}

std::string summary_of(const ModelDescription& model,
                       std::string_view file,
                       std::string_view label_source) {
    const PreprocessOptions& in = model.preprocess;
    std::string fit = "stretched";
    if (in.maintain_aspect_ratio)
        fit = in.symmetric_padding ? "letterboxed, centred" : "letterboxed, top left";
    return fmt::format(
        "head {} ({}), {} classes, labels from {}; input {}x{} {}, {}; options from {}",
        to_text(model.head.kind()),
        model.head.reason,
        model.head.classes(),
        label_source.empty() ? "convention" : label_source,
        model.input.width,
        model.input.height,
        to_text(in.model_color_format),
        fit,
        file.empty() ? "convention" : file);
}

}  // namespace

std::vector<std::string_view> model_option_names() {
    std::vector<std::string_view> names{kLabels, kLabelFile, kAllClasses};
    auto append = [&](std::vector<std::string_view> more) {
        names.insert(names.end(), more.begin(), more.end());
    };
    append(field_names<HeadOptions>());
    append(field_names<PreprocessOptions>());
    append(field_names<PostprocessOptions>());
    append(field_names<ClassifierOptions>());
    append(field_names<ClassAttributes>());
    return names;
}

Result<ModelFile> ModelFile::parse(std::string_view text, const std::string& path) {
    ModelFile file;
    file.path_ = path;
    file.root_ = SLUICE_TRY(config::parse_yaml(text, path));
    if (file.root_.kind != Value::Kind::kNull && !file.root_.is_map())
        return invalid_argument("a model's file is a group of 'option: value' lines", path);
    Options scratch;
    SLUICE_TRY(apply(file.root_, scratch));
    return file;
}

Result<ModelFile> ModelFile::read(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (!stream) return io_error("the model's file cannot be read", path);
    return parse(text, path);
}

Result<ModelFile> ModelFile::beside(const std::string& model_path) {
    fs::path stem = model_path;
    stem.replace_extension(".yaml");
    for (const std::string& candidate : {model_path + ".yaml", stem.string()}) {
        std::error_code ignored;
        if (candidate != model_path && fs::is_regular_file(candidate, ignored))
            return read(candidate);
    }
    return ModelFile();
}

Result<void> ModelFile::set(std::string_view option, std::string_view text) {
    Value value;
    value.kind = Value::Kind::kScalar;
    value.scalar = std::string(text);
    value.where = fmt::format("option '{}'", option);
    // What the user types is relative to where he is, not to the file.
    if ((option == kLabelFile || option == kLibrary) && !text.empty())
        value.scalar = fs::absolute(fs::path(value.scalar)).string();

    ModelFile changed = *this;
    changed.root_.kind = Value::Kind::kMap;
    if (option == kLabelFile)
        std::erase_if(changed.root_.map, [](const auto& pair) { return pair.first == kLabels; });
    Value* group = &changed.root_;
    std::string_view name = option;
    if (auto dot = option.find('.'); dot != std::string_view::npos) {
        group = &entry(changed.root_, option.substr(0, dot));
        group->kind = Value::Kind::kMap;
        name = option.substr(dot + 1);
    }
    entry(*group, name) = std::move(value);
    Options scratch;
    SLUICE_TRY(apply(changed.root_, scratch));
    *this = std::move(changed);
    return {};
}

memory::Size ModelFile::wanted_input() const {
    Options options;
    if (!apply(root_, options) || options.preprocess.infer_dims.size() != 3) return {};
    return {options.preprocess.infer_dims[2], options.preprocess.infer_dims[1]};
}

Result<ModelDescription> ModelFile::describe(
    std::span<const TensorSpec> inputs,
    std::span<const TensorSpec> outputs,
    std::span<const std::pair<std::string, std::string>> metadata) const {
    Options said;
    SLUICE_TRY(apply(root_, said));
    said.head.custom_lib_path = resolved(said.head.custom_lib_path, path_);
    FoundLabels found = SLUICE_TRY(find_labels(root_, path_, metadata));
    SLUICE_TRY(let_labels_speak(found, said.head));
    const UltralyticsFacts facts = ultralytics_facts(metadata);
    SLUICE_TRY(let_exporter_speak(facts, said.head));

    ModelDescription model;
    const TensorSpec& image = inputs[SLUICE_TRY(find_image(inputs))];
    model.input = SLUICE_TRY(input_size(image, said.preprocess));
    model.head = SLUICE_TRY(recognise(outputs, model.input, said.head));

    Options options;
    apply_conventions(model.head, outputs, options.preprocess, options.postprocess);
    if (facts.task == "classify") use_unit_range(options.preprocess);
    SLUICE_TRY(apply(root_, options));
    model.preprocess = std::move(options.preprocess);
    model.postprocess = std::move(options.postprocess);
    model.classifier = options.classifier;

    const std::string source = found.source;
    if (model.head.detects()) {
        model.labels = SLUICE_TRY(detector_labels(std::move(found), model.head));
    } else if (model.head.kind() == HeadKind::kClassifier) {
        model.labels = SLUICE_TRY(classifier_labels(std::move(found), outputs, options.classifier));
    }
    model.summary = summary_of(model, path_, source);
    return model;
}

}  // namespace sluice::infer
