#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "sluice/gst/bad_frames.h"
#include "sluice/gst/batch_meta.h"
#include "sluice/gst/crossings.h"
#include "sluice/gst/infer_queue.h"
#include "sluice/gst/infer_settings.h"
#include "sluice/infer/object_cache.h"
#include "sluice/metrics/histogram.h"

namespace sluice::gst {

/// What sluiceinfer has from READY to READY: the loaded model and everything in flight. Two threads
/// use it: one feeds, the other takes from `queue` and finishes. Errors that concern single frames
/// or requests are posted by `element`.
class InferSession {
public:
    static Result<std::shared_ptr<InferSession>> open(const InferSettings& settings,
                                                      GstElement* element);

    const InferSettings& settings() const { return settings_; }
    InferQueue& queue() { return queue_; }

    /// Pre-processes the frames that are due, or the objects to look at, and starts requests that
    /// write into the payload: the buffer goes into the queue next.
    void feed(GstBuffer* buffer, BatchPayload& payload);
    /// Waits for a request and writes its results.
    void finish(const RunningSlot& running);
    /// For a batch whose requests are all finished: what only then can be known.
    void complete(meta::Batch& batch);
    void forget(meta::SourceId source);
    /// Drops what is left in the queue, once nobody feeds or finishes; gives the events among it.
    std::vector<EventRef> drain();

    /// The device whose frames are best given to it; memory::kHostMemory: frames of the host.
    int pixel_device() const { return pixel_device_; }
    GstStructure* make_stats() const;
    /// For people: the model and the engine.
    std::string description() const;

    std::atomic<GstFlowReturn> flow{GST_FLOW_OK};  ///< what downstream said last

private:
    class Feeder;

    InferSession(const InferSettings& settings,
                 GstElement* element,
                 std::unique_ptr<infer::Runner> runner,
                 std::vector<infer::Runner::Slot> slots);
    bool skips(const meta::Frame& frame) const;
    /// Where the pre-processing reads: on its own device, else on the host.
    Result<MappedFrame> map(GstBuffer* pixels, const GstVideoInfo& info, meta::SourceId source);
    void feed_frames(GstBuffer* buffer, BatchPayload& payload);
    void feed_objects(GstBuffer* buffer, BatchPayload& payload);

    const InferSettings settings_;
    GstElement* const element_;  ///< outlives the session
    std::unique_ptr<infer::Runner> runner_;
    const int pixel_device_;
    InferQueue queue_;
    Mutex cache_mutex_;
    infer::ObjectCache cache_ SLUICE_GUARDED_BY(cache_mutex_);

    // The feeding thread only.
    std::uint64_t batches_ = 0;
    std::vector<infer::Crop> crops_;
    std::vector<infer::ItemPlace> places_;

    metrics::Histogram preprocess_;
    metrics::Histogram inference_;
    metrics::Histogram postprocess_;
    BadFrames bad_frames_;
    Crossings crossings_;
};

}  // namespace sluice::gst
