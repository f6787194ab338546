#include <array>
#include <memory>

#include <dlfcn.h>
#include <fmt/format.h>

#include "sluice/infer/heads/decode.h"
#include "sluice/infer/parser_abi.h"

namespace sluice::infer::heads {
namespace {

struct CloseLibrary {
    void operator()(void* library) const { dlclose(library); }
};
using Library = std::unique_ptr<void, CloseLibrary>;

std::string dl_message() {
    const char* message = dlerror();
    return message != nullptr ? message : "unknown reason";
}

struct Sink {
    std::vector<meta::Detection>& found;
    const ScoreThresholds& thresholds;
};

void add_box(void* opaque, const SluiceParserBox* box) {
    auto& sink = *static_cast<Sink*>(opaque);
    const auto class_id = static_cast<std::size_t>(box->class_id);
    if (box->class_id < 0 || class_id >= sink.thresholds.by_class.size()) return;
    if (!passes(sink.thresholds, box->score, class_id)) return;
    add(sink.found, from_edges(box->left, box->top, box->right, box->bottom), box->score, class_id);
}

class Custom : public Head {
public:
    Custom(Library library, SluiceParseBoxes parse, const HeadLayout& layout)
        : library_(std::move(library)),
          parse_(parse),
          name_(layout.options.parse_bbox_func_name),
          input_(layout.input) {}

    Result<void> decode(const HeadInput& input, std::vector<meta::Detection>& found) override {
        SLUICE_TRY(collect(input));
        SluiceParserInput given{};
        given.tensors = tensors_.data();
        given.tensor_count = static_cast<std::uint32_t>(tensors_.size());
        given.network_width = static_cast<std::uint32_t>(input_.width);
        given.network_height = static_cast<std::uint32_t>(input_.height);
        given.class_count = static_cast<std::uint32_t>(input.thresholds.by_class.size());
        given.thresholds = input.thresholds.by_class.data();

        const std::size_t before = found.size();
        Sink sink{found, input.thresholds};
        std::array<char, 256> message{};
        SluiceParserOutput taken{&sink, add_box, message.data(), message.size()};
        int status = call(given, taken);
        if (status == 0) return {};
        found.resize(before);
        message.back() = '\0';
        return corrupt(fmt::format("the parser '{}' failed with {}: {}",
                                   name_,
                                   status,
                                   message[0] != '\0' ? message.data() : "it gives no reason"));
    }

private:
    // The library is foreign: the C ABI forbids exceptions, a C++ one may throw all the same.
    int call(const SluiceParserInput& given, const SluiceParserOutput& taken) const {
        try {
            return parse_(&given, &taken);
        } catch (...) {
            fmt::format_to_n(taken.error, taken.error_size - 1, "it threw an exception");
            return -1;
        }
    }

    Result<void> collect(const HeadInput& input) {
        tensors_.clear();
        for (const memory::TensorView& view : input.outputs) {
            if (view.type != memory::ElementType::kF32 || view.data == nullptr ||
                view.shape.empty() || static_cast<std::int64_t>(input.item) >= view.shape[0])
                return corrupt(
                    fmt::format("output '{}' is not N x ... of 32-bit floats with an "
                                "item {}",
                                view.name,
                                input.item));
            const auto item_size =
                static_cast<std::size_t>(memory::element_count(view.shape) / view.shape[0]);
            tensors_.push_back({view.name.c_str(),
                                static_cast<const float*>(view.data) + item_size * input.item,
                                view.shape.data() + 1,
                                static_cast<std::uint32_t>(view.shape.size() - 1)});
        }
        return {};
    }

    Library library_;
    SluiceParseBoxes parse_;
    std::string name_;
    memory::Size input_;
    std::vector<SluiceParserTensor> tensors_;  // scratch
};

template <class Function>
Function symbol(const Library& library, const char* name) {
    return reinterpret_cast<Function>(dlsym(library.get(), name));
}

}  // namespace

Result<std::unique_ptr<Head>> create_custom(std::span<const TensorSpec>, const HeadLayout& layout) {
    const std::string& path = layout.options.custom_lib_path;
    const std::string& name = layout.options.parse_bbox_func_name;
    if (path.empty() || name.empty())
        return invalid_argument("a parser needs both custom-lib-path and parse-bbox-func-name");
    Library library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
    if (!library) return not_found("custom-lib-path cannot be loaded: " + dl_message(), path);
    auto version = symbol<std::uint32_t (*)()>(library, "sluice_parser_abi_version");
    if (version == nullptr)
        return unsupported(
            "the library does not export sluice_parser_abi_version (see infer/parser_abi.h; "
            "DeepStream's own parsers have another interface)",
            path);
    if (version() != SLUICE_PARSER_ABI_VERSION)
        return unsupported(fmt::format("the library was built for parser interface {}, this is {}",
                                       version(),
                                       SLUICE_PARSER_ABI_VERSION),
                           path);
    auto parse = symbol<SluiceParseBoxes>(library, name.c_str());
    if (parse == nullptr)
        return not_found(fmt::format("the library exports no function '{}'", name), path);
    return std::unique_ptr<Head>(std::make_unique<Custom>(std::move(library), parse, layout));
}

}  // namespace sluice::infer::heads
