#include "sluice/app/chains.h"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/text.h"

namespace sluice::app {
namespace {

Error wrong_device(std::string text) {
    return invalid_argument("option 'device': " + std::move(text));
}

/// One word for each device.
std::string normal(std::string_view name) {
    std::string word = to_lower(name);
    return word == "cuda" ? "cuda:0" : word;
}

bool looks_at_frames(const gst::InferSettings& model) {
    return model.process_mode != 2;
}

Result<std::vector<std::string>> list_devices(const std::string& text, int cuda_devices) {
    std::vector<std::string> names;
    for (std::string_view name : split(text, ';')) {
        if (name.empty()) return wrong_device(fmt::format("a name is missing in '{}'", text));
        if (normal(name) != "cuda:*") {
            names.emplace_back(name);
            continue;
        }
        if (cuda_devices == 0) return wrong_device("there is no CUDA device here for 'cuda:*'");
        for (int i = 0; i < cuda_devices; ++i)
            names.push_back(fmt::format("cuda:{}", i));
    }
    if (names.empty()) return wrong_device("it is empty");
    return names;
}

/// The models on the device `number` of `names`, which are the first one's.
Result<Chain> make_chain(const PipelineDescription& description,
                         const std::vector<std::string>& names,
                         std::size_t number,
                         int cuda_devices) {
    Chain chain{names[number], memory::kHostMemory, description.models, {}};
    for (gst::InferSettings& model : chain.models) {
        std::string& device = model.engine.device;
        auto own = SLUICE_TRY(list_devices(device, cuda_devices));
        if (own.size() != 1 && own.size() != names.size()) {
            return wrong_device(
                fmt::format("{} names {} devices and the first model {}; name as "
                            "many, or one for all",
                            model.model,
                            own.size(),
                            names.size()));
        }
        device = own.size() == 1 ? own.front() : own[number];
        // Alone, it chooses for itself.
        if (names.size() > 1 && normal(device) == "auto") device = names[number];
    }
    return chain;
}

Result<void> assign(std::size_t number, const Source& source, std::vector<Chain>& chains) {
    const std::string& wanted = source.options.source.device;
    Chain* best = nullptr;
    for (Chain& chain : chains) {
        if (!wanted.empty() && normal(wanted) != normal(chain.device)) continue;
        if (!best || chain.sources.size() < best->sources.size()) best = &chain;
    }
    if (best) {
        best->sources.push_back(number);
        return {};
    }
    std::string names;
    for (const Chain& chain : chains)
        names += (names.empty() ? "" : ", ") + chain.device;
    return wrong_device(fmt::format(
        "source '{}' asks for {}, but the first model is on {}", source.name, wanted, names));
}

}  // namespace

Result<std::vector<Chain>> plan_chains(const PipelineDescription& description,
                                       const std::vector<Source>& sources,
                                       int cuda_devices) {
    const auto& models = description.models;
    if (models.empty()) {
        return invalid_argument("no model: give one, e.g. --model yolox_nano.onnx");
    }
    if (sources.empty()) return invalid_argument("no source");
    auto first = static_cast<std::size_t>(
        std::find_if(models.begin(), models.end(), looks_at_frames) - models.begin());
    bool none = first == models.size();
    auto names = SLUICE_TRY(list_devices(models[none ? 0 : first].engine.device, cuda_devices));
    std::vector<Chain> chains;
    for (std::size_t i = 0; i < names.size(); ++i) {
        chains.push_back(SLUICE_TRY(make_chain(description, names, i, cuda_devices)));
        Chain& chain = chains.back();
        if (!none) chain.likely_device = gst::likely_device(chain.models[first]);
    }
    // Those that may go anywhere balance what the others leave.
    for (bool asks : {true, false}) {
        for (std::size_t i = 0; i < sources.size(); ++i) {
            if (sources[i].options.source.device.empty() == asks) continue;
            SLUICE_TRY(assign(i, sources[i], chains));
        }
    }
    return chains;
}

std::optional<int> picture_device(const std::vector<Chain>& chains) {
    std::optional<int> first;
    std::optional<int> first_cuda;
    bool differ = false;
    for (const Chain& chain : chains) {
        if (chain.sources.empty()) continue;
        int device = chain.likely_device;
        differ = differ || device != first.value_or(device);
        if (!first) first = device;
        if (!first_cuda && device != memory::kHostMemory) first_cuda = device;
    }
    return differ ? first_cuda : std::nullopt;
}

}  // namespace sluice::app
