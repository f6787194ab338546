#include "sluice/app/detail/branch.h"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <gst/video/video.h>

#include "sluice/app/detail/elements.h"
#include "sluice/gst/batch_meta.h"
#include "sluice/gst/cuda_memory.h"
#include "sluice/gst/handles.h"
#include "sluice/gst/meta_files.h"

namespace sluice::app::detail {
namespace {

namespace fs = std::filesystem;

Result<void> make_folder_of(const std::string& path) {
    fs::path folder = fs::path(path).parent_path();
    if (folder.empty()) return {};
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) return io_error("cannot make this folder: " + failed.message(), folder.string());
    return {};
}

void count_overrun(GstElement*, gpointer data) {
    ++static_cast<Branch*>(data)->dropped;
}

/// A thread of its own begins behind it; what comes before waits while it is full.
Result<GstElement*> add_queue(GstElement* bin, int size) {
    GstElement* queue = SLUICE_TRY(add_element(bin, "queue"));
    g_object_set(
        queue, "max-size-buffers", size, "max-size-bytes", 0, "max-size-time", guint64{0}, nullptr);
    return queue;
}

/// A queue of the output's size and policy.
Result<GstElement*> add_queue(GstElement* bin, Branch& branch) {
    GstElement* queue = SLUICE_TRY(add_queue(bin, branch.options.queue_size));
    if (branch.options.when_full == WhenFull::kDropOldest) {
        gst_util_set_object_arg(G_OBJECT(queue), "leaky", "downstream");
        g_signal_connect(queue, "overrun", G_CALLBACK(count_overrun), &branch);
    }
    return queue;
}

GstPadProbeReturn on_drawn(GstPad*, GstPadProbeInfo* info, gpointer recorder) {
    if (auto* payload = gst::find_payload(GST_PAD_PROBE_INFO_BUFFER(info))) {
        static_cast<Recorder*>(recorder)->record_drawn(payload->batch);
    }
    return GST_PAD_PROBE_OK;
}

Result<GstElement*> add_osd(GstElement* bin, const osd::OsdOptions& options, Recorder& recorder) {
    GstElement* osd = SLUICE_TRY(add_element(bin, "sluiceosd"));
    set_properties(osd, options);
    gst::ObjectPtr<GstPad> src(gst_element_get_static_pad(osd, "src"));
    gst_pad_add_probe(src.get(), GST_PAD_PROBE_TYPE_BUFFER, on_drawn, &recorder, nullptr);
    return osd;
}

Result<GstElement*> add_tiler(GstElement* bin,
                              const OutputOptions& options,
                              std::optional<int> device) {
    GstElement* tiler = SLUICE_TRY(add_element(bin, "sluicetiler"));
    g_object_set(tiler,
                 "rows",
                 options.rows,
                 "columns",
                 options.columns,
                 "width",
                 options.width,
                 "height",
                 options.height,
                 nullptr);
    if (device) g_object_set(tiler, "device", *device, nullptr);
    return tiler;
}

bool has_factory(const char* name) {
    gst::ObjectPtr<GstElementFactory> factory(gst_element_factory_find(name));
    return factory != nullptr;
}

GstPadProbeReturn count_download(GstPad* pad, GstPadProbeInfo* info, gpointer data) {
    if (gst::device_of(GST_PAD_PROBE_INFO_BUFFER(info)) == memory::kHostMemory) {
        return GST_PAD_PROBE_OK;
    }
    auto& branch = *static_cast<Branch*>(data);
    gst::CapsRef caps(gst_pad_get_current_caps(pad));
    GstVideoInfo video;
    if (caps && gst_video_info_from_caps(&video, caps.get())) {
        branch.downloaded_bytes += GST_VIDEO_INFO_SIZE(&video);
    }
    ++branch.downloaded_frames;
    return GST_PAD_PROBE_OK;
}

/// Behind it lie frames of the host: `last` itself where no others can come.
Result<GstElement*> add_download(GstElement* bin, GstElement* last, Branch& branch, int device) {
    if (device == memory::kHostMemory || !has_factory("cudadownload")) return last;
    GstElement* download = SLUICE_TRY(add_element(bin, "cudadownload"));
    gst::ObjectPtr<GstPad> sink(gst_element_get_static_pad(download, "sink"));
    gst_pad_add_probe(sink.get(), GST_PAD_PROBE_TYPE_BUFFER, count_download, &branch, nullptr);
    SLUICE_TRY(link_elements(last, download));
    return download;
}

/// GStreamer has a factory for each device.
std::string nvenc_of(int device) {
    return device > 0 ? fmt::format("nvh264device{}enc", device) : "nvh264enc";
}

/// The plug-in makes elements for what the device has: a package helps only where it is missing.
Result<void> check_nvenc(const std::string& factory) {
    if (has_factory(factory.c_str())) return {};
    const std::string missing = missing_nvcodec();
    return unsupported(fmt::format(
        "option 'encoder': there is no NVENC here ({}): use auto or x264",
        missing.empty() ? "GPUs for data centres, such as A100 and H100, have none" : missing));
}

Result<GstElement*> add_encoder(GstElement* bin, Encoder kind, int bitrate, int device) {
    std::string factory = kind == Encoder::kNvenc  ? nvenc_of(device)
                          : kind == Encoder::kX264 ? "x264enc"
                                                   : "openh264enc";
    if (kind == Encoder::kNvenc) SLUICE_TRY(check_nvenc(factory));
    GstElement* encoder = SLUICE_TRY(add_element(bin, factory.c_str()));
    if (kind == Encoder::kX264) {
        gst_util_set_object_arg(G_OBJECT(encoder), "speed-preset", "superfast");
        if (bitrate > 0) {
            g_object_set(encoder, "bitrate", bitrate, nullptr);
        } else {
            gst_util_set_object_arg(G_OBJECT(encoder), "pass", "qual");
            g_object_set(encoder, "quantizer", 23, nullptr);
        }
        // Without B-frames a file's times begin at zero, and little is lost at this preset.
        g_object_set(encoder, "key-int-max", 60, "bframes", 0, nullptr);
    } else if (bitrate > 0) {
        g_object_set(
            encoder, "bitrate", kind == Encoder::kNvenc ? bitrate : bitrate * 1000, nullptr);
    }
    return encoder;
}

GstPadProbeReturn crop_to_even(GstPad*, GstPadProbeInfo* info, gpointer crop) {
    GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    gint width = 0;
    gint height = 0;
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width);
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "height", &height);
    g_object_set(crop, "right", width & 1, "bottom", height & 1, nullptr);
    return GST_PAD_PROBE_OK;
}

/// Encoders of 4:2:0 refuse odd sizes: the last column and row go then.
Result<GstElement*> add_even_crop(GstElement* bin) {
    GstElement* crop = SLUICE_TRY(add_element(bin, "videocrop"));
    gst::ObjectPtr<GstPad> sink(gst_element_get_static_pad(crop, "sink"));
    gst_pad_add_probe(sink.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, crop_to_even, crop, nullptr);
    return crop;
}

/// From raw frames to a file: bring to the host and convert (where it must), encode, pack, write.
Result<void> add_file(GstElement* bin, GstElement* last, Branch& branch, int device) {
    SLUICE_TRY(make_folder_of(branch.path));
    branch.files = {branch.path};
    bool mkv = to_lower(branch.path).ends_with(".mkv");
    Encoder kind = choose_encoder(branch.options.encoder, device);
    if (kind != Encoder::kNvenc) last = SLUICE_TRY(add_download(bin, last, branch, device));
    std::vector<GstElement*> chain{last, SLUICE_TRY(add_element(bin, "videoconvert"))};
    if (kind != Encoder::kNvenc) chain.push_back(SLUICE_TRY(add_even_crop(bin)));
    chain.push_back(SLUICE_TRY(add_encoder(bin, kind, branch.options.bitrate, device)));
    chain.push_back(SLUICE_TRY(add_element(bin, "h264parse")));
    chain.push_back(SLUICE_TRY(add_element(bin, mkv ? "matroskamux" : "mp4mux")));
    chain.push_back(SLUICE_TRY(add_element(bin, "filesink")));
    g_object_set(chain.back(), "location", branch.path.c_str(), "async", FALSE, nullptr);
    for (std::size_t i = 1; i < chain.size(); ++i)
        SLUICE_TRY(link_elements(chain[i - 1], chain[i]));
    return {};
}

Result<void> add_window(GstElement* bin, GstElement* last, Branch& branch, int device) {
    last = SLUICE_TRY(add_download(bin, last, branch, device));
    GstElement* convert = SLUICE_TRY(add_element(bin, "videoconvert"));
    GstElement* window = SLUICE_TRY(add_element(bin, "autovideosink"));
    SLUICE_TRY(link_elements(last, convert));
    return link_elements(convert, window);
}

Result<void> finish_picture(GstElement* bin, GstElement* last, Branch& branch, int device) {
    if (branch.options.kind == OutputKind::kWindow) return add_window(bin, last, branch, device);
    return add_file(bin, last, branch, device);
}

const char* format_of(const OutputOptions& output) {
    switch (output.format) {
        case MetaFileFormat::kJsonLines:
            return "jsonl";
        case MetaFileFormat::kMot:
            return "mot";
        case MetaFileFormat::kKitti:
            return "kitti";
        case MetaFileFormat::kAuto:
            break;
    }
    std::string path = to_lower(output.path);
    if (path.ends_with(".jsonl") || path.ends_with(".json")) return "jsonl";
    if (path.ends_with(".txt")) return "mot";
    return output.kind == OutputKind::kTracks ? "mot" : "jsonl";
}

/// Builds the branches one after the other.
class Builder {
    /// Enough to bridge the waits; each more would hold its frames.
    static constexpr int kBatchesToDraw = 2;

public:
    Builder(GstElement* pipeline,
            GstElement* last,
            const PipelineDescription& description,
            const std::vector<Source>& sources,
            const PixelPlaces& places,
            Recorder& recorder)
        : pipeline_(pipeline),
          last_(last),
          description_(description),
          sources_(sources),
          recorder_(recorder),
          places_(places) {}

    Result<void> build(std::vector<std::unique_ptr<Branch>>& branches) {
        branches_ = &branches;
        if (description_.outputs.size() > 1) {
            GstElement* tee = SLUICE_TRY(add_element(pipeline_, "tee"));
            SLUICE_TRY(link_elements(last_, tee));
            last_ = tee;
        }
        if (description_.outputs.empty()) return add_nothing();
        for (const OutputOptions& output : description_.outputs) {
            bool pixels = output.kind == OutputKind::kVideo || output.kind == OutputKind::kWindow;
            if (!pixels) {
                SLUICE_TRY(add_metadata(output));
            } else if (is_tiled(output, sources_.size())) {
                SLUICE_TRY(add_tiled(output));
            } else {
                SLUICE_TRY(add_per_source(output));
            }
        }
        return {};
    }

private:
    GstPad* next_pad() {
        return description_.outputs.size() > 1 ? gst_element_request_pad_simple(last_, "src_%u")
                                               : gst_element_get_static_pad(last_, "src");
    }

    Branch& new_branch(const OutputOptions& output, std::string path, int source) {
        branches_->push_back(std::make_unique<Branch>(output, std::move(path), source));
        return *branches_->back();
    }

    /// A bin for the branch, in the pipeline.
    GstElement* new_bin(Branch& branch) {
        branch.element = gst_bin_new(nullptr);
        gst_bin_add(GST_BIN(pipeline_), branch.element);
        return branch.element;
    }

    Result<void> enter_by(Branch& branch, GstElement* first, GstPad* from) {
        add_ghost(branch.element, "sink", gst_element_get_static_pad(first, "sink"));
        return branch.attach(from, branch.element);
    }

    Result<void> add_nothing() {
        Branch& branch = new_branch({}, "", -1);
        branch.element = SLUICE_TRY(add_element(pipeline_, "fakesink"));
        g_object_set(branch.element, "sync", FALSE, "async", FALSE, nullptr);
        return branch.attach(next_pad(), branch.element);
    }

    Result<void> add_metadata(const OutputOptions& output) {
        Branch& branch = new_branch(output, output.path, -1);
        branch.element = SLUICE_TRY(add_element(pipeline_, "sluicemetasink"));
        std::string names;
        for (const Source& source : sources_)
            names += source.name + ";";
        std::string location = output.path;
        const char* format = format_of(output);
        bool file = fs::path(location).has_extension() || location.find('%') != std::string::npos;
        if (!file && !location.ends_with('/')) location += '/';
        g_object_set(branch.element,
                     "location",
                     location.c_str(),
                     "source-names",
                     names.c_str(),
                     "async",
                     FALSE,
                     nullptr);
        set_property(branch.element, "format", format);
        set_property(
            branch.element, "rows", output.kind == OutputKind::kTracks ? "tracks" : "detections");
        SLUICE_TRY(list_files(branch, location, format));
        return branch.attach(next_pad(), branch.element);
    }

    Result<void> list_files(Branch& branch, const std::string& location, std::string_view format) {
        bool folder = location.ends_with('/');
        if (format == "kitti" || (!folder && location.find('%') == std::string::npos)) {
            branch.files = {location};
            return {};
        }
        std::string pattern = location;
        if (folder) pattern += format == "mot" ? "%s.txt" : "%s.jsonl";
        for (std::size_t i = 0; i < sources_.size(); ++i)
            branch.files.push_back(SLUICE_TRY(gst::expand_location(pattern, i, sources_[i].name)));
        return {};
    }

    // Text is crisp when drawn on the whole picture, but trails are kept per source, so they are
    // drawn before.
    Result<void> add_tiled(const OutputOptions& output) {
        Branch& branch = new_branch(output, output.path, -1);
        GstElement* bin = new_bin(branch);
        GstElement* queue = SLUICE_TRY(add_queue(bin, branch));
        GstElement* tiler = SLUICE_TRY(add_tiler(bin, output, places_.picture));
        GstElement* osd = SLUICE_TRY(add_osd(bin, description_.osd, recorder_));
        bool trails = description_.osd.trails > Duration{};
        GstElement* first = trails ? osd : tiler;
        GstElement* second = trails ? tiler : osd;
        SLUICE_TRY(link_elements(queue, first));
        SLUICE_TRY(link_elements(first, second));
        SLUICE_TRY(finish_picture(bin, second, branch, places_.of_picture()));
        return enter_by(branch, queue, next_pad());
    }

    // Drawing waits for the device, and the analysis goes on meanwhile: worth 14 % (YOLOX-s on an
    // H200, 2026-11-26).
    Result<void> add_per_source(const OutputOptions& output) {
        GstElement* entry = SLUICE_TRY(add_queue(pipeline_, kBatchesToDraw));
        GstElement* osd = SLUICE_TRY(add_osd(pipeline_, description_.osd, recorder_));
        GstElement* demux = SLUICE_TRY(add_element(pipeline_, "sluicedemux"));
        gst::ObjectPtr<GstPad> from(next_pad());
        gst::ObjectPtr<GstPad> into(gst_element_get_static_pad(entry, "sink"));
        SLUICE_TRY(link_pads(from.get(), into.get()));
        SLUICE_TRY(link_elements(entry, osd));
        SLUICE_TRY(link_elements(osd, demux));
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            std::string path = SLUICE_TRY(gst::expand_location(output.path, i, sources_[i].name));
            Branch& branch = new_branch(output, path, static_cast<int>(i));
            GstElement* bin = new_bin(branch);
            GstElement* queue = SLUICE_TRY(add_queue(bin, branch));
            SLUICE_TRY(finish_picture(bin, queue, branch, places_.of_source[i]));
            std::string pad = fmt::format("src_{}", i);
            SLUICE_TRY(enter_by(branch, queue, gst_element_request_pad_simple(demux, pad.c_str())));
        }
        return {};
    }

    GstElement* pipeline_;
    GstElement* last_;
    const PipelineDescription& description_;
    const std::vector<Source>& sources_;
    Recorder& recorder_;
    const PixelPlaces& places_;
    std::vector<std::unique_ptr<Branch>>* branches_ = nullptr;
};

}  // namespace

Branch::~Branch() {
    if (from_) gst_object_unref(from_);
}

Result<void> Branch::attach(GstPad* from, GstElement* into) {
    from_ = from;
    gst_pad_add_probe(from,
                      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER |
                                                   GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                      on_flow,
                      this,
                      nullptr);
    gst::ObjectPtr<GstPad> sink(gst_element_get_static_pad(into, "sink"));
    // A frame that waits in there while the branch fails brings the failure back.
    chain_ = GST_PAD_CHAINFUNC(sink.get());
    gst_pad_set_chain_function_full(sink.get(), chain_unless_cut, this, nullptr);
    return link_pads(from, sink.get());
}

GstFlowReturn Branch::chain_unless_cut(GstPad* pad, GstObject* parent, GstBuffer* buffer) {
    auto& self = *static_cast<Branch*>(pad->chaindata);
    GstFlowReturn flow = self.chain_(pad, parent, buffer);
    return self.cut_ ? GST_FLOW_OK : flow;
}

GstPadProbeReturn Branch::on_flow(GstPad*, GstPadProbeInfo*, gpointer self) {
    return static_cast<Branch*>(self)->cut_ ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

Encoder choose_encoder(Encoder wanted, int device) {
    if (wanted != Encoder::kAuto) return wanted;
    if (device != memory::kHostMemory && has_factory(nvenc_of(device).c_str()))
        return Encoder::kNvenc;
    bool x264 = has_factory("x264enc") || !has_factory("openh264enc");
    return x264 ? Encoder::kX264 : Encoder::kOpenH264;
}

bool is_tiled(const OutputOptions& output, std::size_t sources) {
    if (output.layout != Layout::kAuto) return output.layout == Layout::kTiled;
    return sources > 1 && output.path.find('%') == std::string::npos;
}

Result<Outputs> Outputs::create(GstElement* pipeline,
                                GstElement* last,
                                const PipelineDescription& description,
                                const std::vector<Source>& sources,
                                const PixelPlaces& places,
                                Recorder& recorder) {
    Outputs outputs;
    Builder builder(pipeline, last, description, sources, places, recorder);
    SLUICE_TRY(builder.build(outputs.branches));
    return outputs;
}

}  // namespace sluice::app::detail
