#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sluice/base/clock.h"
#include "sluice/base/result.h"
#include "sluice/memory/handle.h"
#include "sluice/meta/frame.h"
#include "sluice/mux/counters.h"
#include "sluice/mux/options.h"

namespace sluice::mux {

/// A frame and its pixels, which the former never looks into.
struct Entry {
    meta::Frame frame;
    memory::Handle pixels = memory::empty_handle();
    std::size_t bytes = 0;  ///< what the pixels count against queue-bytes
};

/// What became of a pushed entry.
struct Admission {
    enum class Outcome {
        kTaken,
        kRefused,  ///< the queue is full: push the same entry again after the next poll()
        kDropped,  ///< thinned out or too late, see `reason`
    };
    Outcome outcome = Outcome::kTaken;
    DropReason reason = DropReason::kMaxFps;  ///< for kDropped
    /// Pixels of older frames that a live source's entry pushed out; best freed outside a lock.
    std::vector<memory::Handle> displaced;
};

/// What leaves: `batch.frames[i]` has its pixels in `pixels[i]`.
struct Formed {
    meta::Batch batch;  ///< without frames when there are only ends to tell
    std::vector<memory::Handle> pixels;
    std::vector<meta::SourceId> ended;  ///< sources of which nothing follows this batch
    std::vector<memory::Handle> late;   ///< dropped by drop-late; best freed outside a lock
};

/// What a source that was flushed or removed leaves behind.
struct Leftover {
    std::vector<memory::Handle> pixels;
    SourceCounters counters;
};

/// Decides which frames travel together: a pure function of what it is told. It has no thread, no
/// clock and no lock; `now` must not run backwards. Reentrant.
///
/// A batch leaves as soon as it is full, or as every source that can still be expected to add to it
/// has done so, or when its oldest frame has waited for batched-push-timeout. A source that gave
/// nothing to a batch which left on timeout is not waited for again until it gives a frame.
class BatchFormer {
public:
    explicit BatchFormer(MuxOptions options = {});
    ~BatchFormer();
    BatchFormer(const BatchFormer&) = delete;
    BatchFormer& operator=(const BatchFormer&) = delete;

    /// kInvalidArgument when the id is taken.
    Result<void> add_source(meta::SourceId id, SourceOptions options = {});
    /// kNotFound when there is no such source, here and below.
    Result<void> set_source_options(meta::SourceId id, SourceOptions options);
    void set_options(MuxOptions options);
    const MuxOptions& options() const;

    /// No more frames will come. Those waiting still leave, then a Formed names the source.
    Result<void> end_source(meta::SourceId id);
    /// Forgets the source and gives back what waited. A Formed names it unless one has already. May
    /// be called for a source that is gone.
    Leftover remove_source(meta::SourceId id);
    /// Gives back what waits, takes back an end that no Formed has named yet or that was told, and
    /// starts thinning afresh (a seek). The sequence counts on.
    Leftover flush_source(meta::SourceId id);

    /// Starts from nothing with the same sources and options: no ends, no counts. Gives back what
    /// waited; best freed outside a lock.
    std::vector<memory::Handle> restart();

    /// Queues an entry. On kTaken it is moved from; else it stays with the caller, on kRefused
    /// untouched. Sets sequence, arrival time and, where it has none yet, the frame's
    /// processing resolution.
    Admission push(Entry& entry, TimePoint now);
    /// The next batch, if one is due. Ask until there is none.
    std::optional<Formed> poll(TimePoint now);
    /// When poll() will next have something without another call: TimePoint::max() when it will
    /// not, a time in the past when it has now.
    TimePoint next_deadline() const;

    /// Every source has ended, everything has left and all ends were told. False without a source.
    bool ended() const;
    /// The size of batch now aimed at.
    std::size_t batch_size() const;
    MuxCounters counters() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::mux
