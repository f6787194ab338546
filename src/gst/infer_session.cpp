#include "sluice/gst/infer_session.h"

#include <utility>

#include <fmt/format.h>

#include "sluice/gst/element.h"
#include "sluice/gst/stats.h"
#include "sluice/gst/video.h"

namespace sluice::gst {

/// Fills slots one after the other and starts each that is full.
class InferSession::Feeder {
public:
    explicit Feeder(InferSession& session) : session_(session) {}

    Result<void> add(GstBuffer* pixels, const GstVideoInfo& info, infer::ItemPlace place) {
        if (!slot_) slot_ = session_.queue_.take_slot();
        if (!slot_) return {};  // flushing
        TimePoint begin = now();
        auto frame = SLUICE_TRY(session_.map(pixels, info, place.frame->source));
        SLUICE_TRY(session_.runner_->add(*slot_, frame.view(), place));
        session_.preprocess_.record(now() - begin);
        return session_.runner_->full(*slot_) ? start() : Result<void>();
    }

    Result<void> start() {
        if (!slot_) return {};
        infer::Runner::Slot* slot = std::exchange(slot_, nullptr);
        if (slot->size() == 0) {
            session_.queue_.give_back(slot);
            return {};
        }
        auto submitted = session_.runner_->submit(*slot);
        if (!submitted) {
            session_.runner_->discard(*slot);
            session_.queue_.give_back(slot);
            return submitted;
        }
        session_.queue_.push(RunningSlot{slot, now()});
        return {};
    }

private:
    InferSession& session_;
    infer::Runner::Slot* slot_ = nullptr;
};

Result<std::shared_ptr<InferSession>> InferSession::open(const InferSettings& settings,
                                                         GstElement* element) {
    infer::RunnerOptions options = SLUICE_TRY(runner_options(settings));
    auto runner = SLUICE_TRY(infer::Runner::create(options));
    // One more than are in flight: the next is filled while they run.
    std::vector<infer::Runner::Slot> slots;
    for (int i = 0; i <= runner->engine().request_count(); ++i) {
        slots.push_back(SLUICE_TRY(runner->make_slot()));
    }
    return std::shared_ptr<InferSession>(
        new InferSession(settings, element, std::move(runner), std::move(slots)));
}

InferSession::InferSession(const InferSettings& settings,
                           GstElement* element,
                           std::unique_ptr<infer::Runner> runner,
                           std::vector<infer::Runner::Slot> slots)
    : settings_(settings),
      element_(element),
      runner_(std::move(runner)),
      pixel_device_(runner_->taken().pixels ? likely_device(settings) : memory::kHostMemory),
      queue_(std::move(slots)),
      crossings_(element) {}

bool InferSession::skips(const meta::Frame& frame) const {
    auto period = static_cast<std::uint64_t>(settings_.interval) + 1;
    std::uint64_t count =
        settings_.interval_unit == IntervalUnit::kBatch ? batches_ : frame.sequence;
    return count % period != 0;
}

Result<MappedFrame> InferSession::map(GstBuffer* pixels,
                                      const GstVideoInfo& info,
                                      meta::SourceId source) {
    int wanted = pixel_device();
    if (wanted != memory::kHostMemory && device_of(pixels) == wanted) {
        return MappedFrame::map(pixels, info, MappedFrame::Access::kRead);
    }
    if (wanted != memory::kHostMemory) {
        crossings_.count_to_device(
            GST_VIDEO_INFO_SIZE(&info), source, "the network's device has to read them");
    }
    return crossings_.map_on_host(pixels,
                                  info,
                                  MappedFrame::Access::kRead,
                                  source,
                                  "the network's input is prepared by the CPU or another device");
}

void InferSession::feed(GstBuffer* buffer, BatchPayload& payload) {
    if (settings_.process_mode == 1) {
        feed_frames(buffer, payload);
    } else {
        feed_objects(buffer, payload);
    }
    ++batches_;
}

void InferSession::feed_frames(GstBuffer* buffer, BatchPayload& payload) {
    Feeder feeder(*this);
    for (std::size_t i = 0; i < payload.batch.frames.size(); ++i) {
        meta::Frame& frame = payload.batch.frames[i];
        if (skips(frame)) {
            if (frame.inference == meta::Inference::kNone) {
                frame.inference = meta::Inference::kSkipped;
            }
            continue;
        }
        frame.inference = meta::Inference::kDone;
        auto added = feeder.add(
            pixel_buffer(buffer, payload, i), payload.pixels[i].info, infer::whole_frame(frame));
        if (!added) {
            frame.inference = meta::Inference::kNone;
            bad_frames_.report(element_, frame, added.error());
        }
    }
    if (auto started = feeder.start(); !started) post_error(element_, started.error());
}

void InferSession::feed_objects(GstBuffer* buffer, BatchPayload& payload) {
    bool cached = runner_->classifies();
    {
        MutexLock lock(cache_mutex_);
        infer::select_crops(
            settings_.secondary, payload.batch.frames, cached ? &cache_ : nullptr, crops_);
    }
    // Taken down before the first request starts: from then on objects belong to the other thread.
    places_.clear();
    for (const infer::Crop& crop : crops_) {
        places_.push_back(infer::object_of(payload.batch.frames[crop.frame], crop.object));
    }
    Feeder feeder(*this);
    for (std::size_t i = 0; i < crops_.size(); ++i) {
        std::size_t index = crops_[i].frame;
        const infer::ItemPlace& place = places_[i];
        auto added =
            feeder.add(pixel_buffer(buffer, payload, index), payload.pixels[index].info, place);
        if (!added) {
            bad_frames_.report(element_, *place.frame, added.error());
            MutexLock lock(cache_mutex_);
            cache_.forget(place.frame->source, place.track);
        }
    }
    if (auto started = feeder.start(); !started) post_error(element_, started.error());
}

void InferSession::finish(const RunningSlot& running) {
    auto outcome = runner_->wait(*running.slot);
    TimePoint done = now();
    inference_.record(done - running.started);
    if (outcome) {
        MutexLock lock(cache_mutex_);
        outcome = runner_->read(*running.slot, runner_->classifies() ? &cache_ : nullptr);
    }
    postprocess_.record(now() - done);
    queue_.give_back(running.slot);
    if (!outcome) post_error(element_, outcome.error());
}

void InferSession::complete(meta::Batch& batch) {
    TimePoint time = now();
    for (meta::Frame& frame : batch.frames)
        frame.times[meta::Stage::kInferred] = time;
    if (settings_.process_mode != 2 || !runner_->classifies()) return;
    MutexLock lock(cache_mutex_);
    for (meta::Frame& frame : batch.frames) {
        infer::attach_cached(
            settings_.secondary, cache_, static_cast<std::uint32_t>(settings_.unique_id), frame);
    }
}

void InferSession::forget(meta::SourceId source) {
    MutexLock lock(cache_mutex_);
    cache_.drop_source(source);
}

std::vector<EventRef> InferSession::drain() {
    std::vector<EventRef> events;
    for (InferItem& item : queue_.take_all()) {
        if (auto* event = std::get_if<EventRef>(&item)) events.push_back(std::move(*event));
        auto* running = std::get_if<RunningSlot>(&item);
        if (!running) continue;
        (void)runner_->wait(*running->slot);
        runner_->discard(*running->slot);
        queue_.give_back(running->slot);
    }
    return events;
}

GstStructure* InferSession::make_stats() const {
    GstStructure* stats = gst_structure_new_empty("sluiceinfer-stats");
    add_latency(stats, "preprocess", preprocess_.snapshot());
    add_latency(stats, "inference", inference_.snapshot());
    add_latency(stats, "postprocess", postprocess_.snapshot());
    crossings_.add_to(stats);
    gst_structure_set(stats, "pixel-device", G_TYPE_INT, pixel_device(), nullptr);
    gst_structure_set(stats,
                      "bad-frames",
                      G_TYPE_UINT64,
                      bad_frames_.count(),
                      "model",
                      G_TYPE_STRING,
                      runner_->description().summary.c_str(),
                      "engine",
                      G_TYPE_STRING,
                      runner_->engine().description().c_str(),
                      nullptr);
    return stats;
}

std::string InferSession::description() const {
    return runner_->description().summary + "; " + runner_->engine().description();
}

}  // namespace sluice::gst
