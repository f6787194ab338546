#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <gst/gst.h>

#include "sluice/app/detail/decoders.h"
#include "sluice/app/detail/start_gate.h"
#include "sluice/app/pipeline.h"
#include "sluice/app/sources.h"
#include "sluice/base/clock.h"
#include "sluice/base/mutex.h"
#include "sluice/gst/handles.h"
#include "sluice/gst/jpeg_stream.h"

namespace sluice::app::detail {

/// A source in the pipeline: a bin that ends in a pad of raw video, linked to the mux. Stays where
/// it is, as callbacks point to it, and outlives the pipeline's running. What is not marked belongs
/// to the thread that handles the bus.
class SourceRun {
public:
    /// How many frames to take (0: all), and the decoder's threads (0: its own choice).
    struct Limits {
        std::uint64_t frames = 0;
        int decoder_threads = 0;
    };
    static Result<std::unique_ptr<SourceRun>> create(const Source& source, const Limits& limits);
    ~SourceRun();
    SourceRun(const SourceRun&) = delete;
    SourceRun& operator=(const SourceRun&) = delete;

    /// Adds the bin to the pipeline, but does not start it; asks the mux for the pad `number`. A
    /// hardware decoder will wait at the gate, which outlives this, before it is made.
    Result<void> join(GstElement* pipeline, GstElement* mux, StartGate& gate, unsigned number);
    /// Before start(): the device on which its frames are wanted, where a decoder can do that.
    void want_frames_on(int device) { choice_.device = device; }
    /// Once all else plays. False when it cannot; the bus knows why.
    bool start();
    /// No frame comes from here any more; those that are on their way go on. Any thread.
    void stop();
    /// The next round of a source that loops, after its ask_again() message.
    void begin_again();
    static bool is_ask_again(GstMessage* message);
    /// What a message says of decoding that is not as it was wanted; null where it is another one.
    static const char* decoding_note(GstMessage* message);

    const Source& source() const { return source_; }
    GstElement* bin() const { return bin_; }
    bool stopping() const { return stopping_; }
    /// Started, and still without video though its start-timeout is over; waiting at the gate does
    /// not count.
    bool overdue(TimePoint now) const;
    /// Everything came: its end was reached by itself. Thread-safe.
    bool ended() const { return ended_; }
    /// Time of the latest frame; thread-safe.
    Duration position() const { return Duration(position_.load()); }
    /// What the file says, zero where it does not.
    Duration duration() const;
    /// Frames that the decoder gave though parts of them were missing. Thread-safe.
    std::uint64_t corrupt() const { return corrupt_; }
    /// As far as it is known by now. Thread-safe.
    Decoding decoding() const;
    /// Was it stopped by the limit of frames? Thread-safe.
    bool limit_reached() const { return limits_.frames > 0 && frames_ >= limits_.frames; }

    std::string error;    ///< why it failed; empty: it did not
    std::string missing;  ///< what GStreamer lacked for it

private:
    SourceRun(const Source& source, const Limits& limits)
        : source_(source),
          limits_(limits),
          choice_{source.options.source.decoder, memory::kHostMemory} {}
    Result<void> build();
    Result<GstElement*> build_uri();
    Result<GstElement*> build_camera();
    Result<GstElement*> build_images();
    Result<GstElement*> build_test();
    Result<void> end_with(GstElement* last);
    Result<void> connect_decoded(GstPad* pad);

    static void on_pad_added(GstElement*, GstPad* pad, gpointer self);
    static void on_no_more_pads(GstElement*, gpointer self);
    static void on_element_added(GstBin*, GstBin*, GstElement* element, gpointer self);
    static GValueArray* on_autoplug_sort(
        GstElement*, GstPad*, GstCaps* caps, GValueArray* factories, gpointer self);
    static int on_autoplug_select(
        GstElement*, GstPad*, GstCaps*, GstElementFactory* factory, gpointer self);
    static gboolean on_autoplug_query(
        GstElement*, GstPad*, GstElement* decoder, GstQuery* query, gpointer self);
    static GstPadProbeReturn on_decoder_input(GstPad* pad, GstPadProbeInfo* info, gpointer self);
    void choose_decoders(GstElement* decode);
    gst::ObjectPtr<GstElementFactory> find_jpeg_decoder(GstCaps* caps);
    void note_caps(GstCaps* caps);
    static void on_source_setup(GstElement*, GstElement* source, gpointer self);
    static void on_need_image(GstElement* appsrc, guint, gpointer self);
    static GstPadProbeReturn on_decoded(GstPad*, GstPadProbeInfo* info, gpointer self);
    static GstPadProbeReturn on_leaving(GstPad*, GstPadProbeInfo* info, gpointer self);
    void ask_duration();
    GstPadProbeReturn shift_buffer(GstPadProbeInfo* info);
    GstPadProbeReturn shift_event(GstPadProbeInfo* info);

    const Source source_;
    const Limits limits_;
    DecoderChoice choice_;  ///< not changed once started
    mutable Mutex decoding_mutex_;
    Decoding decoding_ SLUICE_GUARDED_BY(decoding_mutex_);
    GstElement* bin_ = nullptr;  ///< belongs to the pipeline once it has joined
    GstPad* leaving_ = nullptr;  ///< the bin's pad; its own reference
    GstPad* mux_pad_ = nullptr;  ///< its own reference
    GstElement* pipeline_ = nullptr;
    StartGate* gate_ = nullptr;
    unsigned number_ = 0;
    std::atomic<TimePoint> started_{};
    std::atomic<bool> waiting_{false};  ///< at the gate
    std::atomic<bool> connected_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> ended_{false};
    std::atomic<std::uint64_t> frames_{0};
    std::atomic<std::int64_t> position_{0};
    std::atomic<std::int64_t> duration_{0};
    std::atomic<std::uint64_t> corrupt_{0};
    // The streaming thread's own.
    std::size_t next_image_ = 0;
    std::unique_ptr<gst::JpegStream> jpeg_;  ///< so that the device's decoder is made once
    std::string no_jpeg_;                    ///< why the device has none
    GstClockTime round_offset_ = 0;  ///< of a loop: added to this round's times (may wrap around)
    GstClockTime round_end_ = 0;
    bool round_begins_ = false;
    bool segment_sent_ = false;
};

/// The image that a frame of this time shows; "" where the source has none.
const std::string& image_at(const Source& source, std::int64_t pts_ns);

}  // namespace sluice::app::detail
