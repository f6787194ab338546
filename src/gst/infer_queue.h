#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "sluice/base/mutex.h"
#include "sluice/gst/handles.h"
#include "sluice/infer/runner.h"

namespace sluice::gst {

/// A request under way, with the time at which it was started.
struct RunningSlot {
    infer::Runner::Slot* slot;
    TimePoint started;
};

/// What has to leave sluiceinfer, in this order. A buffer comes after all requests that write into
/// its metadata.
using InferItem = std::variant<RunningSlot, BufferRef, EventRef>;

/// Between the thread that pre-processes and the one that pushes results. Thread-safe. Bounded by
/// its slots and by two buffers more than those; whoever would exceed that waits.
class InferQueue {
public:
    explicit InferQueue(std::vector<infer::Runner::Slot> slots);

    /// An idle slot; null when flushing.
    infer::Runner::Slot* take_slot();
    void give_back(infer::Runner::Slot* slot);
    /// False when flushing. Events are dropped then; requests stay for take_all(), and so do
    /// buffers, since requests may still write into them.
    bool push(InferItem item);
    /// Waits for the next item; none when flushing.
    std::optional<InferItem> pop();

    /// While true nobody waits here.
    void set_flushing(bool flushing);
    /// What was left inside when flushing began; the caller finishes the slots among it. Nobody is
    /// at work any more on what pop() gave.
    std::deque<InferItem> take_all();

private:
    Mutex mutex_;
    Condition changed_;
    std::vector<infer::Runner::Slot> slots_;
    std::vector<infer::Runner::Slot*> idle_ SLUICE_GUARDED_BY(mutex_);
    std::deque<InferItem> items_ SLUICE_GUARDED_BY(mutex_);
    std::size_t buffers_ SLUICE_GUARDED_BY(mutex_) = 0;
    bool flushing_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::gst
