#include "sluice/gst/infer_queue.h"

#include <utility>

namespace sluice::gst {

InferQueue::InferQueue(std::vector<infer::Runner::Slot> slots) : slots_(std::move(slots)) {
    for (infer::Runner::Slot& slot : slots_)
        idle_.push_back(&slot);
}

infer::Runner::Slot* InferQueue::take_slot() {
    MutexLock lock(mutex_);
    while (idle_.empty() && !flushing_)
        changed_.wait(mutex_);
    if (flushing_) return nullptr;
    infer::Runner::Slot* slot = idle_.back();
    idle_.pop_back();
    return slot;
}

void InferQueue::give_back(infer::Runner::Slot* slot) {
    MutexLock lock(mutex_);
    idle_.push_back(slot);
    changed_.notify_all();
}

bool InferQueue::push(InferItem item) {
    MutexLock lock(mutex_);
    bool is_buffer = std::holds_alternative<BufferRef>(item);
    while (is_buffer && buffers_ >= slots_.size() + 2 && !flushing_)
        changed_.wait(mutex_);
    if (flushing_ && std::holds_alternative<EventRef>(item)) return false;
    if (is_buffer) ++buffers_;
    items_.push_back(std::move(item));
    changed_.notify_all();
    return !flushing_;
}

std::optional<InferItem> InferQueue::pop() {
    MutexLock lock(mutex_);
    while (items_.empty() && !flushing_)
        changed_.wait(mutex_);
    if (flushing_) return std::nullopt;
    InferItem item = std::move(items_.front());
    items_.pop_front();
    if (std::holds_alternative<BufferRef>(item)) --buffers_;
    changed_.notify_all();
    return item;
}

void InferQueue::set_flushing(bool flushing) {
    MutexLock lock(mutex_);
    flushing_ = flushing;
    changed_.notify_all();
}

std::deque<InferItem> InferQueue::take_all() {
    MutexLock lock(mutex_);
    buffers_ = 0;
    return std::exchange(items_, {});
}

}  // namespace sluice::gst
