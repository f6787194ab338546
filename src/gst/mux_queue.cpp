#include "sluice/gst/mux_queue.h"

#include <utility>

namespace sluice::gst {

// Pixels that leave the former are freed after the lock: that may run a pool's or a decoder's code.

GstFlowReturn MuxQueue::push(mux::Entry& entry) {
    mux::Admission admission;
    {
        MutexLock lock(mutex_);
        while (true) {
            if (flow_ != GST_FLOW_OK) return flow_;
            if (flushing_ || flushing_sources_.count(entry.frame.source)) {
                return GST_FLOW_FLUSHING;
            }
            admission = former_.push(entry, now());
            if (admission.outcome != mux::Admission::Outcome::kRefused) break;
            space_.wait(mutex_);
        }
        work_.notify_one();
    }
    bool closed = admission.outcome == mux::Admission::Outcome::kDropped &&
                  admission.reason == mux::DropReason::kClosed;
    return closed ? GST_FLOW_EOS : GST_FLOW_OK;
}

MuxQueue::Next MuxQueue::next() {
    Next next;
    MutexLock lock(mutex_);
    while (!flushing_) {
        next.batch_size = former_.options().batch_size;
        TimePoint begin = now();
        next.formed = former_.poll(begin);
        if (next.formed) {
            std::size_t frames = next.formed->pixels.size();
            if (frames > 0) assembly_.record((now() - begin) / frames);
            space_.notify_all();
            return next;
        }
        next.ended = former_.ended();
        if (next.ended) return next;
        TimePoint deadline = former_.next_deadline();
        if (deadline == TimePoint::max()) {
            work_.wait(mutex_);
        } else {
            work_.wait_until(mutex_, deadline);
        }
    }
    return next;
}

void MuxQueue::set_flow(GstFlowReturn flow) {
    MutexLock lock(mutex_);
    flow_ = flow;
    space_.notify_all();
}

void MuxQueue::set_flushing(bool flushing) {
    MutexLock lock(mutex_);
    flushing_ = flushing;
    if (!flushing) flow_ = GST_FLOW_OK;
    space_.notify_all();
    work_.notify_all();
}

void MuxQueue::set_flushing(meta::SourceId source, bool flushing) {
    MutexLock lock(mutex_);
    if (flushing) {
        flushing_sources_.insert(source);
    } else {
        flushing_sources_.erase(source);
    }
    space_.notify_all();
}

Result<void> MuxQueue::add_source(meta::SourceId source) {
    MutexLock lock(mutex_);
    // The name may have been that of a pad which left while it was flushing.
    flushing_sources_.erase(source);
    return former_.add_source(source);
}

void MuxQueue::remove_source(meta::SourceId source) {
    mux::Leftover dropped;
    MutexLock lock(mutex_);
    dropped = former_.remove_source(source);
    space_.notify_all();
    work_.notify_one();
}

void MuxQueue::set_source_options(meta::SourceId source, const mux::SourceOptions& options) {
    MutexLock lock(mutex_);
    (void)former_.set_source_options(source, options);
    space_.notify_all();
    work_.notify_one();
}

void MuxQueue::end_source(meta::SourceId source) {
    MutexLock lock(mutex_);
    (void)former_.end_source(source);
    work_.notify_one();
}

void MuxQueue::flush_source(meta::SourceId source) {
    mux::Leftover dropped;
    MutexLock lock(mutex_);
    dropped = former_.flush_source(source);
    work_.notify_one();
}

void MuxQueue::restart() {
    std::vector<memory::Handle> dropped;
    MutexLock lock(mutex_);
    dropped = former_.restart();
}

mux::MuxOptions MuxQueue::options() const {
    MutexLock lock(mutex_);
    return former_.options();
}

mux::MuxCounters MuxQueue::counters() const {
    MutexLock lock(mutex_);
    return former_.counters();
}

}  // namespace sluice::gst
