#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gst/check/gstharness.h>

#include "sluice/gst/batch_meta.h"

/// What the element tests share: real elements on a GstHarness, frames of one brightness, batches.
namespace sluice::gst {

using Properties = std::initializer_list<std::pair<const char*, std::string>>;

/// An element with a bus of its own; stopped and freed at the end.
class Element {
public:
    explicit Element(const char* factory, Properties properties = {});
    ~Element();
    Element(const Element&) = delete;
    Element& operator=(const Element&) = delete;

    GstElement* get() const { return element_; }
    void set(const char* property, const std::string& value);
    /// False when the element refuses.
    bool start() { return set_state(GST_STATE_PLAYING); }
    bool stop() { return set_state(GST_STATE_NULL); }
    /// The text of the next error (or warning) on the bus; "" when there is none.
    std::string error() { return message(GST_MESSAGE_ERROR); }
    std::string warning() { return message(GST_MESSAGE_WARNING); }

private:
    bool set_state(GstState state);
    std::string message(GstMessageType type);

    GstElement* element_;
    GstBus* bus_;
};

struct HarnessTeardown {
    void operator()(GstHarness* harness) const { gst_harness_teardown(harness); }
};
using Harness = std::unique_ptr<GstHarness, HarnessTeardown>;

/// A running harness around the element; null pad names leave that side alone.
Harness harness(Element& element, const char* sink = "sink", const char* src = "src");

/// The next buffer, waited for; empty when none comes.
BufferRef pull(const Harness& from);
/// The next event of this type, waited for; those before it are dropped.
EventRef pull_event(const Harness& from, GstEventType type);
/// Pushes a reference of the buffer.
GstFlowReturn push(const Harness& into, const BufferRef& buffer);

GstVideoInfo video(GstVideoFormat format, int width, int height);
CapsRef caps(const GstVideoInfo& info);
void set_caps(const Harness& into, const GstVideoInfo& info);
void set_batch_caps(const Harness& into, int batch_size = 0);
/// Stream-start, these caps and a segment, as after a start.
void begin(GstPad* src, GstCaps* caps);

/// A frame with every byte of this value, `pts_ms` milliseconds into its stream.
BufferRef gray_frame(const GstVideoInfo& info, int value, int pts_ms = 0);
/// A pixel's first byte.
int byte_at(GstBuffer* buffer, const GstVideoInfo& info, int x, int y);
void fill_area(GstBuffer* buffer, const GstVideoInfo& info, const meta::PixelBox& area, int value);
/// Where a frame's bytes lie.
const void* address(GstBuffer* buffer);

meta::Object object(const meta::PixelBox& box, int class_id = 0, float score = 0.9f);

/// One frame of a batch to be made.
struct Part {
    guint source;
    GstVideoInfo info;
    BufferRef pixels;
    std::vector<meta::Object> objects;
    std::uint64_t sequence = 0;
};
BufferRef batch(std::vector<Part> parts);
/// A plain video frame that carries objects.
BufferRef with_objects(BufferRef frame,
                       const GstVideoInfo& info,
                       std::vector<meta::Object> objects);

const meta::Batch& batch_of(const BufferRef& buffer);
const meta::Frame& only_frame(const BufferRef& buffer);

std::string micro_model(const std::string& name);
/// An empty folder that only this test has.
std::string test_folder();
std::string read_file(const std::string& path);

}  // namespace sluice::gst
