#include "sluice/app/detail/source_run.h"

#include <fmt/format.h>

#include "sluice/app/detail/elements.h"
#include "sluice/app/detail/skip_frames.h"
#include "sluice/gst/element.h"
#include "sluice/gst/video.h"

namespace sluice::app::detail {
namespace {

constexpr const char* kAskAgain = "sluice/ask-again";
constexpr const char* kDecodingNote = "sluice/decoding-note";
constexpr const char* kJpegDecoder = "sluicejpegdec";
// GstAutoplugSelectResult, which has no public header.
constexpr int kSelectTry = 0;
constexpr int kSelectExpose = 1;

bool is_ours(GstCaps* caps) {
    gst::CapsRef ours(gst_caps_from_string(SLUICE_VIDEO_CAPS));
    return gst_caps_is_subset(caps, ours.get());
}

SourceRun& run_of(gpointer data) {
    return *static_cast<SourceRun*>(data);
}

GstClockTime image_time(const Source& source, std::size_t index) {
    return static_cast<GstClockTime>(static_cast<double>(index) * 1e9 /
                                     source.options.source.image_fps);
}

/// To whoever pushed it this is the end.
GstPadProbeReturn turn_back(GstPadProbeInfo* info) {
    gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = nullptr;
    GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_EOS;
    return GST_PAD_PROBE_HANDLED;
}

GstBuffer* load_image(const std::string& path) {
    gchar* bytes = nullptr;
    gsize size = 0;
    if (!g_file_get_contents(path.c_str(), &bytes, &size, nullptr)) return nullptr;
    return gst_buffer_new_wrapped(bytes, size);
}

}  // namespace

const std::string& image_at(const Source& source, std::int64_t pts_ns) {
    static const std::string none;
    double index = static_cast<double>(pts_ns) / 1e9 * source.options.source.image_fps + 0.5;
    if (index < 0 || index >= static_cast<double>(source.images.size())) return none;
    return source.images[static_cast<std::size_t>(index)];
}

Result<std::unique_ptr<SourceRun>> SourceRun::create(const Source& source, const Limits& limits) {
    std::unique_ptr<SourceRun> run(new SourceRun(source, limits));
    auto built = run->build();
    if (!built) return std::move(built).error().context(source.shown);
    return run;
}

SourceRun::~SourceRun() {
    // The pipeline does not stop one that was never started.
    if (bin_) gst_element_set_state(bin_, GST_STATE_NULL);
    if (mux_pad_) gst_object_unref(mux_pad_);
    if (leaving_) gst_object_unref(leaving_);
    if (bin_) gst_object_unref(bin_);
}

Result<void> SourceRun::build() {
    bin_ = gst_bin_new(("source-" + source_.name).c_str());
    gst_object_ref_sink(bin_);
    g_signal_connect(bin_, "deep-element-added", G_CALLBACK(on_element_added), this);
    leaving_ = gst_ghost_pad_new_no_target("src", GST_PAD_SRC);
    gst_object_ref_sink(leaving_);
    gst_pad_set_active(leaving_, TRUE);
    gst_element_add_pad(bin_, leaving_);
    gst_pad_add_probe(leaving_,
                      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER |
                                                   GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                      on_leaving,
                      this,
                      nullptr);
    switch (source_.kind) {
        case SourceKind::kUri:
            SLUICE_TRY(build_uri());
            return {};
        case SourceKind::kCamera:
            SLUICE_TRY(build_camera());
            return {};
        case SourceKind::kImages:
            return end_with(SLUICE_TRY(build_images()));
        case SourceKind::kTest:
            return end_with(SLUICE_TRY(build_test()));
    }
    return {};
}

Result<GstElement*> SourceRun::build_uri() {
    GstElement* decode = SLUICE_TRY(add_element(bin_, "uridecodebin"));
    // Sound is neither decoded nor asked for.
    gst::CapsRef video(gst_caps_from_string("video/x-raw(ANY)"));
    g_object_set(decode,
                 "uri",
                 source_.uri.c_str(),
                 "caps",
                 video.get(),
                 "expose-all-streams",
                 FALSE,
                 nullptr);
    g_signal_connect(decode, "pad-added", G_CALLBACK(on_pad_added), this);
    g_signal_connect(decode, "no-more-pads", G_CALLBACK(on_no_more_pads), this);
    g_signal_connect(decode, "source-setup", G_CALLBACK(on_source_setup), this);
    choose_decoders(decode);
    return decode;
}

Result<GstElement*> SourceRun::build_camera() {
    GstElement* camera = SLUICE_TRY(add_element(bin_, "v4l2src"));
    GstElement* decode = SLUICE_TRY(add_element(bin_, "decodebin"));
    g_object_set(camera, "device", source_.uri.c_str(), nullptr);
    choose_decoders(decode);
    g_signal_connect(decode, "pad-added", G_CALLBACK(on_pad_added), this);
    SLUICE_TRY(link_elements(camera, decode));
    return decode;
}

// The files are fed one by one, so that sizes may differ and the frame's time tells its file.
Result<GstElement*> SourceRun::build_images() {
    auto is_png = [](const std::string& path) { return to_lower(path).ends_with(".png"); };
    const bool png = is_png(source_.images.front());
    for (const std::string& image : source_.images) {
        if (is_png(image) == png) continue;
        return invalid_argument("images of both kinds are here: name one by a pattern, e.g. *.jpg",
                                source_.shown);
    }
    GstElement* feed = SLUICE_TRY(add_element(bin_, "appsrc"));
    GstElement* decode = SLUICE_TRY(add_element(bin_, png ? "pngdec" : "jpegdec"));
    GstElement* convert = SLUICE_TRY(add_element(bin_, "videoconvert"));
    gst::CapsRef caps(gst_caps_new_simple(png ? "image/png" : "image/jpeg",
                                          "framerate",
                                          GST_TYPE_FRACTION,
                                          static_cast<int>(source_.options.source.image_fps * 1000),
                                          1000,
                                          nullptr));
    g_object_set(feed, "caps", caps.get(), "format", GST_FORMAT_TIME, nullptr);
    // A broken image is passed over with a warning.
    g_object_set(decode, "max-errors", -1, nullptr);
    g_signal_connect(feed, "need-data", G_CALLBACK(on_need_image), this);
    SLUICE_TRY(link_elements(feed, decode));
    SLUICE_TRY(link_elements(decode, convert));
    // JPEG's halved colours are rebuilt better here than where the network's input is sampled:
    // YOLOX-nano's mAP on coco-val64 is 0.357 so, and 0.351 from I420.
    GstElement* filter = SLUICE_TRY(add_element(bin_, "capsfilter"));
    gst::CapsRef rgb(gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "RGB", nullptr));
    g_object_set(filter, "caps", rgb.get(), nullptr);
    SLUICE_TRY(link_elements(convert, filter));
    return filter;
}

Result<GstElement*> SourceRun::build_test() {
    GstElement* test = SLUICE_TRY(add_element(bin_, "videotestsrc"));
    GstElement* filter = SLUICE_TRY(add_element(bin_, "capsfilter"));
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(test), "pattern");
    auto* patterns = static_cast<GEnumClass*>(g_type_class_ref(spec->value_type));
    const GEnumValue* pattern = g_enum_get_value_by_nick(patterns, source_.uri.c_str());
    std::vector<std::string_view> known;
    for (guint i = 0; i < patterns->n_values; ++i)
        known.emplace_back(patterns->values[i].value_nick);
    g_type_class_unref(patterns);
    if (!pattern) return invalid_argument(unknown_name("test pattern", source_.uri, known));
    g_object_set(test,
                 "pattern",
                 pattern->value,
                 "num-buffers",
                 source_.frames > 0 ? source_.frames : -1,
                 nullptr);
    gst::CapsRef caps(gst_caps_new_simple("video/x-raw",
                                          "format",
                                          G_TYPE_STRING,
                                          "I420",
                                          "width",
                                          G_TYPE_INT,
                                          source_.width,
                                          "height",
                                          G_TYPE_INT,
                                          source_.height,
                                          "framerate",
                                          GST_TYPE_FRACTION,
                                          source_.fps,
                                          1,
                                          nullptr));
    g_object_set(filter, "caps", caps.get(), nullptr);
    SLUICE_TRY(link_elements(test, filter));
    return filter;
}

/// Makes the last element's pad the bin's, through a clock where frames come at their own pace.
Result<void> SourceRun::end_with(GstElement* last) {
    gst::ObjectPtr<GstPad> pad(gst_element_get_static_pad(last, "src"));
    return connect_decoded(pad.get());
}

Result<void> SourceRun::connect_decoded(GstPad* pad) {
    if (source_.options.source.loop && source_.kind == SourceKind::kUri) {
        gst_pad_add_probe(pad,
                          static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER |
                                                       GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                                       GST_PAD_PROBE_TYPE_EVENT_FLUSH),
                          on_decoded,
                          this,
                          nullptr);
    }
    gst::ObjectPtr<GstPad> end(GST_PAD(gst_object_ref(pad)));
    auto append = [&](const char* factory) -> Result<void> {
        GstElement* element = SLUICE_TRY(add_element(bin_, factory));
        gst::ObjectPtr<GstPad> sink(gst_element_get_static_pad(element, "sink"));
        SLUICE_TRY(link_pads(end.get(), sink.get()));
        end.reset(gst_element_get_static_pad(element, "src"));
        gst_element_sync_state_with_parent(element);
        return {};
    };
    // Only what none of our elements reads is converted; all else travels untouched.
    gst::CapsRef caps(gst_pad_get_current_caps(pad));
    if (caps && !is_ours(caps.get())) {
        bool device =
            gst_caps_features_contains(gst_caps_get_features(caps.get(), 0), SLUICE_CUDA_FEATURE);
        if (device) SLUICE_TRY(append("cudadownload"));
        SLUICE_TRY(append("videoconvert"));
    }
    if (source_.options.source.pace == Pace::kRealTime && !source_.uri.starts_with("rtsp")) {
        SLUICE_TRY(append("clocksync"));
    }
    if (!gst_ghost_pad_set_target(GST_GHOST_PAD(leaving_), end.get())) {
        return internal_error("the decoder's pad cannot be used");
    }
    connected_ = true;
    return {};
}

Result<void> SourceRun::join(GstElement* pipeline,
                             GstElement* mux,
                             StartGate& gate,
                             unsigned number) {
    pipeline_ = pipeline;
    gate_ = &gate;
    number_ = number;
    // The pipeline starts without its sources: one that cannot start must not stop the others.
    gst_element_set_locked_state(bin_, TRUE);
    gst_bin_add(GST_BIN(pipeline), GST_ELEMENT(bin_));
    mux_pad_ = gst_element_request_pad_simple(mux, fmt::format("sink_{}", number).c_str());
    if (!mux_pad_) return internal_error("the mux gives no pad");
    const mux::SourceOptions defaults{};
    for_each_field<mux::SourceOptions>([&](const auto& entry) {
        std::string text = to_text(source_.options.mux.*entry.member);
        if (text == to_text(defaults.*entry.member)) return;
        std::string name(entry.name);
        gst_util_set_object_arg(G_OBJECT(mux_pad_), name.c_str(), text.c_str());
    });
    return link_pads(leaving_, mux_pad_);
}

Decoding SourceRun::decoding() const {
    MutexLock lock(decoding_mutex_);
    return decoding_;
}

bool SourceRun::start() {
    started_ = now();
    gst_element_set_base_time(bin_, gst_element_get_base_time(pipeline_));
    gst_element_set_locked_state(bin_, FALSE);
    return gst_element_sync_state_with_parent(bin_);
}

bool SourceRun::overdue(TimePoint now) const {
    if (connected_ || stopping_ || waiting_) return false;
    TimePoint started = started_;
    return started != TimePoint{} && now - started > source_.options.source.start_timeout;
}

void SourceRun::stop() {
    // From now on the streaming thread is turned back before the mux, so that its pad is free.
    if (stopping_.exchange(true)) return;
    gate_->leave(number_);
    gst_pad_send_event(mux_pad_, gst_event_new_eos());
}

Duration SourceRun::duration() const {
    if (source_.kind == SourceKind::kImages) {
        return Duration(static_cast<std::int64_t>(image_time(source_, source_.images.size())));
    }
    if (source_.kind == SourceKind::kTest) {
        return std::chrono::nanoseconds(1'000'000'000LL * source_.frames / source_.fps);
    }
    return Duration(duration_.load());
}

/// Asked while frames flow: afterwards nobody would answer.
void SourceRun::ask_duration() {
    gint64 nanoseconds = 0;
    bool recording = !source_.live && !source_.options.source.loop;
    if (recording && gst_pad_query_duration(leaving_, GST_FORMAT_TIME, &nanoseconds)) {
        duration_ = nanoseconds;
    }
}

// ---- callbacks ----------------------------------------------------------------------------------

void SourceRun::on_pad_added(GstElement* decode, GstPad* pad, gpointer data) {
    SourceRun& run = run_of(data);
    gst::CapsRef caps(gst_pad_get_current_caps(pad));
    if (!caps) caps = gst::CapsRef(gst_pad_query_caps(pad, nullptr));
    const gchar* kind = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
    if (run.connected_ || !g_str_has_prefix(kind, "video/x-raw")) return;
    if (auto connected = run.connect_decoded(pad); !connected) {
        gst::post_error(decode, connected.error());
    }
}

void SourceRun::on_no_more_pads(GstElement* decode, gpointer data) {
    if (run_of(data).connected_) return;
    GST_ELEMENT_ERROR(decode, STREAM, WRONG_TYPE, ("there is no video in it"), (nullptr));
}

void SourceRun::choose_decoders(GstElement* decode) {
    g_signal_connect(decode, "autoplug-sort", G_CALLBACK(on_autoplug_sort), this);
    g_signal_connect(decode, "autoplug-select", G_CALLBACK(on_autoplug_select), this);
    g_signal_connect(decode, "autoplug-query", G_CALLBACK(on_autoplug_query), this);
}

GValueArray* SourceRun::on_autoplug_sort(
    GstElement* decode, GstPad*, GstCaps* caps, GValueArray* factories, gpointer data) {
    SourceRun& run = run_of(data);
    const gst::ObjectPtr<GstElementFactory> best = run.find_jpeg_decoder(caps);
    GValueArray* sorted = sort_decoders(factories, run.choice_, best.get());
    if (!has_decoder(factories)) return sorted;
    std::string codec = codec_name(caps);
    if (!sorted) {
        gst::post_error(decode,
                        not_found(fmt::format(
                            "there is no hardware decoder for {} here{}, and its option 'decoder' "
                            "is hardware; auto takes software then",
                            codec,
                            run.no_jpeg_.empty() ? "" : " (" + run.no_jpeg_ + ")")));
    }
    MutexLock lock(run.decoding_mutex_);
    run.decoding_.codec = std::move(codec);
    return sorted;
}

int SourceRun::on_autoplug_select(
    GstElement*, GstPad*, GstCaps*, GstElementFactory* factory, gpointer data) {
    // Handed out undecoded, the stream raises no complaints beside our own error.
    bool wanted = place_of(factory, run_of(data).choice_) != Place::kNever;
    return wanted ? kSelectTry : kSelectExpose;
}

/// GStreamer does not know that ours needs a device of a certain kind, so it has no rank.
gst::ObjectPtr<GstElementFactory> SourceRun::find_jpeg_decoder(GstCaps* caps) {
    if (!wants_jpeg_engine(caps, choice_)) return nullptr;
    auto stream = gst::JpegStream::create(choice_.device);
    if (!stream) {
        no_jpeg_ = stream.error().text();
        return nullptr;
    }
    jpeg_ = *std::move(stream);
    return gst::ObjectPtr<GstElementFactory>(gst_element_factory_find(kJpegDecoder));
}

gboolean SourceRun::on_autoplug_query(
    GstElement*, GstPad*, GstElement* decoder, GstQuery* query, gpointer data) {
    return answer_query(decoder, query, run_of(data).choice_);
}

/// What the frames are, now that it is known; loud where that is not what was wanted.
void SourceRun::note_caps(GstCaps* caps) {
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, caps)) return;
    bool on_device =
        gst_caps_features_contains(gst_caps_get_features(caps, 0), SLUICE_CUDA_FEATURE);
    bool wanted = choice_.device != memory::kHostMemory && choice_.kind != DecoderKind::kSoftware;
    std::string reason = no_jpeg_;
    if (reason.empty() && wanted && !on_device) {
        reason = missing_nvcodec();
        if (reason.empty())
            reason = "no decoder of the device takes it, or not in a format that we read";
    }
    Decoding known;
    {
        MutexLock lock(decoding_mutex_);
        decoding_.format = gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&info));
        decoding_.width = GST_VIDEO_INFO_WIDTH(&info);
        decoding_.height = GST_VIDEO_INFO_HEIGHT(&info);
        decoding_.bytes = GST_VIDEO_INFO_SIZE(&info);
        decoding_.device = on_device ? choice_.device : memory::kHostMemory;
        if (!decoding_.codec.empty()) decoding_.reason = reason;
        known = decoding_;
    }
    if (known.reason.empty()) return;
    std::string text = fmt::format(
        "{} is decoded by {}{}: {}",
        known.codec,
        known.decoder,
        on_device ? "" : ", which leaves the frames on the host; each is copied to the device",
        known.reason);
    gst_element_post_message(
        bin_,
        gst_message_new_application(
            GST_OBJECT(bin_),
            gst_structure_new(kDecodingNote, "text", G_TYPE_STRING, text.c_str(), nullptr)));
}

const char* SourceRun::decoding_note(GstMessage* message) {
    if (!gst_message_has_name(message, kDecodingNote)) return nullptr;
    return gst_structure_get_string(gst_message_get_structure(message), "text");
}

void SourceRun::on_source_setup(GstElement*, GstElement* source, gpointer) {
    // Two seconds of waiting for late packets is much for analysis.
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(source), "drop-on-latency")) {
        g_object_set(source, "latency", 200, nullptr);
    }
}

void SourceRun::on_element_added(GstBin*, GstBin*, GstElement* element, gpointer data) {
    SourceRun& run = run_of(data);
    GstElementFactory* factory = gst_element_get_factory(element);
    if (!factory || !gst_element_factory_list_is_type(factory, GST_ELEMENT_FACTORY_TYPE_DECODER)) {
        return;
    }
    if (gst_element_factory_list_is_type(
            factory, GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO | GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE)) {
        MutexLock lock(run.decoding_mutex_);
        run.decoding_.decoder = GST_OBJECT_NAME(factory);
    }
    GObjectClass* type = G_OBJECT_GET_CLASS(element);
    if (std::string_view(GST_OBJECT_NAME(factory)) == kJpegDecoder) {
        g_object_set(element, "device", run.choice_.device, nullptr);
    }
    if (run.limits_.decoder_threads > 0 && g_object_class_find_property(type, "max-threads")) {
        g_object_set(element, "max-threads", run.limits_.decoder_threads, nullptr);
    }
    if (run.source_.options.source.skip != Skip::kNone) {
        skip_frames_before(element, run.source_.options.source.skip);
    }
    if (is_cuda_decoder(factory)) {
        gst::ObjectPtr<GstPad> sink(gst_element_get_static_pad(element, "sink"));
        gst_pad_add_probe(sink.get(), GST_PAD_PROBE_TYPE_BUFFER, on_decoder_input, &run, nullptr);
    }
}

// The decoder is made when its first whole picture comes. Until then a camera holds nobody up.
GstPadProbeReturn SourceRun::on_decoder_input(GstPad*, GstPadProbeInfo* info, gpointer data) {
    SourceRun& run = run_of(data);
    GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)) return GST_PAD_PROBE_OK;
    run.waiting_ = true;
    bool entered = run.gate_->enter(run.number_, run.stopping_);
    run.started_ = now();
    run.waiting_ = false;
    return entered ? GST_PAD_PROBE_REMOVE : turn_back(info);
}

void SourceRun::on_need_image(GstElement* appsrc, guint, gpointer data) {
    SourceRun& run = run_of(data);
    GstFlowReturn flow = GST_FLOW_OK;
    if (run.next_image_ == run.source_.images.size() || run.stopping_) {
        g_signal_emit_by_name(appsrc, "end-of-stream", &flow);
        return;
    }
    std::size_t index = run.next_image_++;
    GstBuffer* image = load_image(run.source_.images[index]);
    if (!image) {
        gst::post_warning(appsrc, io_error("cannot read " + run.source_.images[index]));
        image = gst_buffer_new();
    }
    GST_BUFFER_PTS(image) = image_time(run.source_, index);
    GST_BUFFER_DURATION(image) = image_time(run.source_, 1);
    g_signal_emit_by_name(appsrc, "push-buffer", image, &flow);
    gst_buffer_unref(image);
}

GstPadProbeReturn SourceRun::on_leaving(GstPad* pad, GstPadProbeInfo* info, gpointer data) {
    SourceRun& run = run_of(data);
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
        GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
        if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
            run.gate_->leave(run.number_);
            if (!run.stopping_) run.ended_ = true;
        }
        if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
            GstCaps* caps = nullptr;
            gst_event_parse_caps(event, &caps);
            run.note_caps(caps);
        }
        return GST_PAD_PROBE_OK;
    }
    if (run.stopping_ || run.limit_reached()) {
        if (!run.stopping_.exchange(true)) gst_pad_push_event(pad, gst_event_new_eos());
        return turn_back(info);
    }
    if (run.frames_++ == 0) {
        run.gate_->leave(run.number_);
        run.ask_duration();
    }
    GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_CORRUPTED)) ++run.corrupt_;
    if (GST_BUFFER_PTS_IS_VALID(buffer)) {
        GstClockTime end = GST_BUFFER_PTS(buffer);
        if (GST_BUFFER_DURATION_IS_VALID(buffer)) end += GST_BUFFER_DURATION(buffer);
        run.position_ = static_cast<std::int64_t>(end);
    }
    return GST_PAD_PROBE_OK;
}

// ---- looping ------------------------------------------------------------------------------------
// The end is kept back and the bus's thread seeks to the start; to all that follows it is one
// long stream: times go on, and neither the flush nor the new segment is seen.

GstPadProbeReturn SourceRun::on_decoded(GstPad*, GstPadProbeInfo* info, gpointer data) {
    SourceRun& run = run_of(data);
    if (run.stopping_) return GST_PAD_PROBE_OK;
    bool buffer = (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) != 0;
    return buffer ? run.shift_buffer(info) : run.shift_event(info);
}

GstPadProbeReturn SourceRun::shift_buffer(GstPadProbeInfo* info) {
    GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    if (!GST_BUFFER_PTS_IS_VALID(buffer)) return GST_PAD_PROBE_OK;
    // Files need not begin at zero: a round follows the one before without a gap.
    if (std::exchange(round_begins_, false)) round_offset_ = round_end_ - GST_BUFFER_PTS(buffer);
    GST_BUFFER_PTS(buffer) += round_offset_;
    GstClockTime length =
        GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : 40 * GST_MSECOND;
    round_end_ = std::max(round_end_, GST_BUFFER_PTS(buffer) + length);
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn SourceRun::shift_event(GstPadProbeInfo* info) {
    GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    switch (GST_EVENT_TYPE(event)) {
        case GST_EVENT_FLUSH_START:
        case GST_EVENT_FLUSH_STOP:
            return GST_PAD_PROBE_DROP;
        case GST_EVENT_EOS:
            round_begins_ = true;
            gst_element_post_message(
                bin_,
                gst_message_new_application(GST_OBJECT(bin_), gst_structure_new_empty(kAskAgain)));
            return GST_PAD_PROBE_DROP;
        case GST_EVENT_SEGMENT: {
            if (std::exchange(segment_sent_, true)) return GST_PAD_PROBE_DROP;
            GstSegment segment;
            gst_event_copy_segment(event, &segment);
            segment.stop = GST_CLOCK_TIME_NONE;
            gst_event_unref(event);
            GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_segment(&segment);
            return GST_PAD_PROBE_OK;
        }
        default:
            return GST_PAD_PROBE_OK;
    }
}

void SourceRun::begin_again() {
    auto flags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT);
    GstEvent* seek = gst_event_new_seek(
        1.0, GST_FORMAT_TIME, flags, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1);
    if (!gst_pad_send_event(leaving_, seek)) stop();
}

bool SourceRun::is_ask_again(GstMessage* message) {
    return GST_MESSAGE_TYPE(message) == GST_MESSAGE_APPLICATION &&
           gst_message_has_name(message, kAskAgain);
}

}  // namespace sluice::app::detail
