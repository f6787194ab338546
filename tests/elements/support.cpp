#include "support.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "sluice/gst/register.h"
#include "sluice/gst/sluice_meta.h"

namespace sluice::gst {
namespace {

// What GLib and GStreamer complain about is a failure of the test that runs.
void fail_on_complaint(const gchar* domain, GLogLevelFlags level, const gchar* text, gpointer) {
    if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_LEVEL_ERROR)) {
        ADD_FAILURE() << (domain ? domain : "") << ": " << text;
    }
}

class GstEnvironment : public testing::Environment {
    void SetUp() override {
        gst_init(nullptr, nullptr);
        g_log_set_default_handler(fail_on_complaint, nullptr);
        ASSERT_TRUE(register_static_plugin());
    }
};

const testing::Environment* const kEnvironment =
    testing::AddGlobalTestEnvironment(new GstEnvironment);

}  // namespace

Element::Element(const char* factory, Properties properties)
    : element_(gst_element_factory_make(factory, nullptr)), bus_(gst_bus_new()) {
    gst_object_ref_sink(element_);
    gst_element_set_bus(element_, bus_);
    for (const auto& [name, value] : properties)
        set(name, value);
}

Element::~Element() {
    gst_element_set_state(element_, GST_STATE_NULL);
    gst_element_set_bus(element_, nullptr);
    gst_object_unref(bus_);
    gst_object_unref(element_);
}

void Element::set(const char* property, const std::string& value) {
    gst_util_set_object_arg(G_OBJECT(element_), property, value.c_str());
}

bool Element::set_state(GstState state) {
    return gst_element_set_state(element_, state) != GST_STATE_CHANGE_FAILURE;
}

std::string Element::message(GstMessageType type) {
    GstMessage* message = gst_bus_pop_filtered(bus_, type);
    if (!message) return "";
    GError* error = nullptr;
    if (type == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &error, nullptr);
    } else {
        gst_message_parse_warning(message, &error, nullptr);
    }
    std::string text = error->message;
    g_error_free(error);
    gst_message_unref(message);
    return text;
}

Harness harness(Element& element, const char* sink, const char* src) {
    Harness made(gst_harness_new_with_element(element.get(), sink, src));
    gst_harness_play(made.get());
    return made;
}

BufferRef pull(const Harness& from) {
    return BufferRef(gst_harness_pull(from.get()));
}

EventRef pull_event(const Harness& from, GstEventType type) {
    while (true) {
        EventRef event(gst_harness_pull_event(from.get()));
        if (!event || GST_EVENT_TYPE(event.get()) == type) return event;
    }
}

GstFlowReturn push(const Harness& into, const BufferRef& buffer) {
    return gst_harness_push(into.get(), BufferRef(buffer).release());
}

GstVideoInfo video(GstVideoFormat format, int width, int height) {
    GstVideoInfo info;
    gst_video_info_set_format(&info, format, static_cast<guint>(width), static_cast<guint>(height));
    info.fps_n = 25;
    info.fps_d = 1;
    return info;
}

CapsRef caps(const GstVideoInfo& info) {
    return CapsRef(gst_video_info_to_caps(&info));
}

void set_caps(const Harness& into, const GstVideoInfo& info) {
    gst_harness_set_src_caps(into.get(), caps(info).release());
}

void set_batch_caps(const Harness& into, int batch_size) {
    GstCaps* made = gst_caps_new_empty_simple(SLUICE_BATCH_CAPS);
    if (batch_size > 0) gst_caps_set_simple(made, "batch-size", G_TYPE_INT, batch_size, nullptr);
    gst_harness_set_src_caps(into.get(), made);
}

void begin(GstPad* src, GstCaps* of) {
    gst_pad_push_event(src, gst_event_new_stream_start("test"));
    gst_pad_push_event(src, gst_event_new_caps(of));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(src, gst_event_new_segment(&segment));
}

BufferRef gray_frame(const GstVideoInfo& info, int value, int pts_ms) {
    BufferRef frame(gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr));
    gst_buffer_memset(frame.get(), 0, static_cast<guint8>(value), GST_VIDEO_INFO_SIZE(&info));
    GST_BUFFER_PTS(frame.get()) = static_cast<GstClockTime>(pts_ms) * GST_MSECOND;
    return frame;
}

int byte_at(GstBuffer* buffer, const GstVideoInfo& info, int x, int y) {
    GstVideoFrame mapped;
    EXPECT_TRUE(gst_video_frame_map(&mapped, &info, buffer, GST_MAP_READ));
    int value = static_cast<const guint8*>(
        GST_VIDEO_FRAME_PLANE_DATA(&mapped, 0))[y * GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, 0) +
                                                x * GST_VIDEO_FRAME_COMP_PSTRIDE(&mapped, 0)];
    gst_video_frame_unmap(&mapped);
    return value;
}

void fill_area(GstBuffer* buffer, const GstVideoInfo& info, const meta::PixelBox& area, int value) {
    GstVideoFrame mapped;
    EXPECT_TRUE(gst_video_frame_map(&mapped, &info, buffer, GST_MAP_WRITE));
    int step = GST_VIDEO_FRAME_COMP_PSTRIDE(&mapped, 0);
    for (int y = static_cast<int>(area.top); y < static_cast<int>(area.bottom()); ++y) {
        auto* row = static_cast<guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&mapped, 0)) +
                    y * GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, 0);
        std::fill(row + static_cast<int>(area.left) * step,
                  row + static_cast<int>(area.right()) * step,
                  static_cast<guint8>(value));
    }
    gst_video_frame_unmap(&mapped);
}

const void* address(GstBuffer* buffer) {
    GstMapInfo map;
    EXPECT_TRUE(gst_buffer_map(buffer, &map, GST_MAP_READ));
    const void* data = map.data;
    gst_buffer_unmap(buffer, &map);
    return data;
}

meta::Object object(const meta::PixelBox& box, int class_id, float score) {
    meta::Object made;
    made.box = made.detector_box = box;
    made.class_id = meta::ClassId(class_id);
    made.score = score;
    made.component_id = 1;
    return made;
}

namespace {

meta::Frame make_frame(const GstVideoInfo& info, std::vector<meta::Object> objects) {
    meta::Frame frame;
    frame.source_size = frame.size = {GST_VIDEO_INFO_WIDTH(&info), GST_VIDEO_INFO_HEIGHT(&info)};
    frame.content = {
        0, 0, static_cast<float>(frame.size.width), static_cast<float>(frame.size.height)};
    frame.objects = std::move(objects);
    return frame;
}

}  // namespace

BufferRef batch(std::vector<Part> parts) {
    BatchPayload payload;
    BufferRef carrier(gst_buffer_new());
    for (Part& part : parts) {
        meta::Frame frame = make_frame(part.info, std::move(part.objects));
        frame.source = meta::SourceId(part.source);
        frame.sequence = part.sequence;
        GstClockTime time = GST_BUFFER_PTS(part.pixels.get());
        frame.pts_ns = static_cast<std::int64_t>(time);
        GST_BUFFER_PTS(carrier.get()) = time;
        payload.batch.frames.push_back(std::move(frame));
        payload.pixels.push_back({std::move(part.pixels), part.info, time});
    }
    attach_payload(carrier.get(), std::move(payload));
    return carrier;
}

BufferRef with_objects(BufferRef frame,
                       const GstVideoInfo& info,
                       std::vector<meta::Object> objects) {
    BatchPayload payload;
    payload.batch.frames.push_back(make_frame(info, std::move(objects)));
    payload.pixels.push_back({BufferRef(), info, GST_BUFFER_PTS(frame.get())});
    attach_payload(frame.get(), std::move(payload));
    return frame;
}

const meta::Batch& batch_of(const BufferRef& buffer) {
    static const meta::Batch none;
    BatchPayload* payload = buffer ? find_payload(buffer.get()) : nullptr;
    if (payload) return payload->batch;
    ADD_FAILURE() << (buffer ? "a buffer without metadata" : "no buffer");
    return none;
}

const meta::Frame& only_frame(const BufferRef& buffer) {
    static const meta::Frame none;
    const meta::Batch& all = batch_of(buffer);
    EXPECT_EQ(all.frames.size(), 1u);
    return all.frames.size() == 1 ? all.frames[0] : none;
}

std::string micro_model(const std::string& name) {
    return std::string(SLUICE_SOURCE_DIR) + "/tests/models/" + name + ".onnx";
}

std::string test_folder() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    auto folder = std::filesystem::path(testing::TempDir()) /
                  (std::string("sluice-") + std::to_string(getpid()) + "-" +
                   test->test_suite_name() + "-" + test->name());
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    return folder.string();
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace sluice::gst
