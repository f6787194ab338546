#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "sluice/mux/batch_former.h"

namespace sluice::mux::detail {

/// First in, first out; its storage grows to the most that ever waited and is then reused. The
/// owner keeps it bounded.
class EntryQueue {
public:
    bool empty() const { return count_ == 0; }
    std::size_t size() const { return count_; }
    std::size_t bytes() const { return bytes_; }
    /// Not for an empty queue, nor is pop().
    const Entry& front() const { return slots_[head_]; }

    void push(Entry&& entry) {
        if (count_ == slots_.size()) grow();
        bytes_ += entry.bytes;
        slots_[wrap(head_ + count_)] = std::move(entry);
        ++count_;
    }

    Entry pop() {
        Entry entry = std::move(slots_[head_]);
        bytes_ -= entry.bytes;
        head_ = wrap(head_ + 1);
        --count_;
        return entry;
    }

private:
    std::size_t wrap(std::size_t index) const {
        return index < slots_.size() ? index : index - slots_.size();
    }

    void grow() {
        std::vector<Entry> larger(slots_.empty() ? 2 : 2 * slots_.size());
        for (std::size_t i = 0; i < count_; ++i)
            larger[i] = std::move(slots_[wrap(head_ + i)]);
        slots_ = std::move(larger);
        head_ = 0;
    }

    std::vector<Entry> slots_;
    std::size_t head_ = 0;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace sluice::mux::detail
