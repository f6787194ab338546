#include "sluice/app/explain.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/app/chains.h"
#include "sluice/app/detail/branch.h"
#include "sluice/base/log.h"
#include "sluice/gst/cuda_memory.h"
#include "sluice/infer/device_choice.h"
#include "sluice/osd/renderer.h"
#include "sluice/osd/scene.h"

namespace sluice::app {
namespace {

using nlohmann::ordered_json;

constexpr Duration kPatience = std::chrono::seconds(10);

std::string memory_name(int device) {
    return device == memory::kHostMemory ? "host" : fmt::format("cuda:{}", device);
}

/// Follows the pixels from element to element.
class Tracer {
public:
    explicit Tracer(PixelPath& path)
        : path_(path), device_(path.decoding.device), bytes_(path.decoding.bytes) {}

    void pass(const std::string& element) { path_.steps.push_back({element, device_}); }

    /// The element reads pixels there; they stay where they are.
    void read(const std::string& element, int device, const std::string& why) {
        if (device != device_) cross(element, device, why);
        pass(element);
    }
    /// From here on they are there.
    void move(const std::string& element, int device, const std::string& why) {
        if (device != device_) cross(element, device, why);
        device_ = device;
        pass(element);
    }
    /// From here on it is another picture, of 4:2:0.
    void become(int width, int height) {
        bytes_ = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height) * 3 / 2;
    }
    int device() const { return device_; }

private:
    void cross(const std::string& element, int device, const std::string& why) {
        // From one device to another the way leads through the host.
        if (device_ != memory::kHostMemory) path_.crossings.push_back({element, true, why, bytes_});
        if (device != memory::kHostMemory) path_.crossings.push_back({element, false, why, bytes_});
    }

    PixelPath& path_;
    int device_;
    std::uint64_t bytes_;
};

void trace_models(Tracer& tracer, const PipelineDescription& description, bool on_objects) {
    for (const gst::InferSettings& model : description.models) {
        if ((model.process_mode == 2) != on_objects) continue;
        std::string name = std::filesystem::path(model.model).filename().string();
        int device = gst::likely_device(model);
        tracer.read(fmt::format("sluiceinfer {}", name),
                    device,
                    fmt::format("{} runs on {}",
                                name,
                                device == memory::kHostMemory ? "the CPU" : memory_name(device)));
    }
}

/// What a picture's output does with pixels: our elements scale and draw where they lie, unless the
/// CPU is asked for.
void trace_picture(Tracer tracer,
                   const OutputOptions& output,
                   osd::ProcessMode drawing,
                   bool tiled,
                   std::optional<int> picture) {
    if (tiled) {
        int device = picture.value_or(tracer.device());
        tracer.move("sluicetiler",
                    device,
                    fmt::format("the tiler's picture is made on {}", memory_name(device)));
        tracer.become(output.width, output.height);
    }
    if (drawing == osd::ProcessMode::kCpu) {
        tracer.move("sluiceosd", memory::kHostMemory, "the CPU draws on them");
    } else {
        tracer.pass("sluiceosd");
    }
    bool window = output.kind == OutputKind::kWindow;
    std::string end = window ? "window" : "encoder of " + output.path;
    if (!window && detail::choose_encoder(output.encoder, tracer.device()) == Encoder::kNvenc) {
        tracer.pass(end);
    } else {
        tracer.move(end, memory::kHostMemory, "it takes host memory only");
    }
}

std::string decoder_text(const Decoding& decoding) {
    std::string text = decoding.codec;
    if (!decoding.decoder.empty()) {
        text += fmt::format("{}by {}", text.empty() ? "" : " ", decoding.decoder);
    }
    if (decoding.format.empty()) return text.empty() ? "not decoded yet" : text;
    return fmt::format("{}{}{} {}x{}, {} bytes a frame",
                       text,
                       text.empty() ? "" : ": ",
                       decoding.format,
                       decoding.width,
                       decoding.height,
                       decoding.bytes);
}

bool draws(const OutputOptions& output) {
    return output.kind == OutputKind::kVideo || output.kind == OutputKind::kWindow;
}

/// As making the engine would say it, as far as that can be told without loading the network.
Result<infer::DeviceChoice> check_model(const gst::InferSettings& model) {
    SLUICE_TRY(gst::runner_options(model));
    std::error_code failed;
    if (!std::filesystem::exists(model.model, failed))
        return not_found("no such model file", model.model);
    return infer::choose_device(model.engine).context(model.model);
}

/// What a run would refuse before its sources start. Warns of a CPU that nobody has asked for.
Result<void> check_run(const PipelineDescription& description, const std::vector<Chain>& chains) {
    std::set<std::string> told;
    for (const Chain& chain : chains) {
        for (const gst::InferSettings& model : chain.models) {
            const infer::DeviceChoice choice = SLUICE_TRY(check_model(model));
            if (choice.why.empty() || !told.insert(choice.why).second) continue;
            log_warning("app", "option 'device': auto is the CPU here: {}", choice.why);
        }
    }
    if (std::any_of(description.outputs.begin(), description.outputs.end(), draws)) {
        SLUICE_TRY(osd::Scene::create(description.osd));
        SLUICE_TRY(osd::Renderer::create(description.osd));
    }
    return {};
}

}  // namespace

PixelPath trace_pixels(const PipelineDescription& description,
                       const std::vector<Source>& sources,
                       std::size_t source,
                       const Decoding& decoding,
                       std::optional<int> picture) {
    PixelPath path{sources[source].name, decoding, {}, {}};
    Tracer tracer(path);
    tracer.pass(decoding.decoder.empty() ? "source" : decoding.decoder);
    tracer.pass("sluicemux");
    trace_models(tracer, description, false);
    trace_models(tracer, description, true);
    for (const OutputOptions& output : description.outputs) {
        if (!draws(output)) continue;
        bool tiled = detail::is_tiled(output, sources.size());
        trace_picture(tracer, output, description.osd.process_mode, tiled, picture);
    }
    return path;
}

Result<std::vector<PixelPath>> explain_pixels(const PipelineDescription& description,
                                              const std::vector<Source>& sources) {
    auto chains = SLUICE_TRY(plan_chains(description, sources, gst::cuda_device_count()));
    SLUICE_TRY(check_run(description, chains));
    auto pipeline = SLUICE_TRY(Pipeline::create_sources(description, sources));
    SLUICE_TRY(pipeline->start());
    TimePoint end = now() + kPatience;
    bool playing = true;
    while (playing && now() < end)
        playing = pipeline->poll(std::chrono::milliseconds(20));
    std::vector<Decoding> decodings = pipeline->decodings();
    for (Decoding& decoding : decodings) {
        if (decoding.format.empty() && decoding.error.empty()) {
            decoding.error = playing
                                 ? fmt::format("no frame within {:.0f} s", to_seconds(kPatience))
                                 : "there is no frame in it";
        }
    }
    std::vector<PixelPath> paths(sources.size());
    std::optional<int> picture = picture_device(chains);
    for (const Chain& chain : chains) {
        PipelineDescription own = description;
        own.models = chain.models;
        for (std::size_t i : chain.sources)
            paths[i] = trace_pixels(own, sources, i, decodings[i], picture);
    }
    return paths;
}

std::string to_text(const std::vector<PixelPath>& paths) {
    std::string out;
    for (const PixelPath& path : paths) {
        out += fmt::format("pixels of {}: {}\n", path.source, decoder_text(path.decoding));
        if (!path.decoding.error.empty()) {
            out += fmt::format("  {}\n", path.decoding.error);
            continue;
        }
        if (!path.decoding.reason.empty()) out += fmt::format("  {}\n", path.decoding.reason);
        std::string way;
        for (const PixelStep& step : path.steps) {
            way += fmt::format(
                "{}{} ({})", way.empty() ? "" : " -> ", step.element, memory_name(step.device));
        }
        out += fmt::format("  {}\n", way);
        for (const PixelCrossing& crossing : path.crossings) {
            out += fmt::format("  copied to the {} in {}: {} ({} bytes a frame)\n",
                               crossing.to_host ? "host" : "device",
                               crossing.where,
                               crossing.reason,
                               crossing.bytes);
        }
        if (path.crossings.empty()) out += "  no copy between host and device\n";
    }
    return out;
}

std::string to_json(const std::vector<PixelPath>& paths) {
    ordered_json out{{"schema", "sluice.explain/1"}, {"sources", ordered_json::array()}};
    for (const PixelPath& path : paths) {
        const Decoding& decoding = path.decoding;
        ordered_json one{{"name", path.source},
                         {"codec", decoding.codec},
                         {"decoder", decoding.decoder},
                         {"format", decoding.format},
                         {"width", decoding.width},
                         {"height", decoding.height},
                         {"frame_bytes", decoding.bytes}};
        if (!decoding.reason.empty()) one["reason"] = decoding.reason;
        if (!decoding.error.empty()) one["error"] = decoding.error;
        one["path"] = ordered_json::array();
        for (const PixelStep& step : path.steps) {
            one["path"].push_back(
                {{"element", step.element}, {"memory", memory_name(step.device)}});
        }
        one["crossings"] = ordered_json::array();
        for (const PixelCrossing& crossing : path.crossings) {
            one["crossings"].push_back({{"where", crossing.where},
                                        {"to", crossing.to_host ? "host" : "device"},
                                        {"reason", crossing.reason},
                                        {"bytes", crossing.bytes}});
        }
        out["sources"].push_back(std::move(one));
    }
    return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::app
