#pragma once

#include <optional>
#include <set>
#include <vector>

#include <gst/gst.h>

#include "sluice/base/mutex.h"
#include "sluice/metrics/histogram.h"
#include "sluice/mux/batch_former.h"

namespace sluice::gst {

/// A BatchFormer between the sources' threads, which wait here for space, and the mux's task, which
/// waits here for batches. Thread-safe.
class MuxQueue {
public:
    /// Queues a frame; waits while its source's queue is full. GST_FLOW_FLUSHING when that source
    /// or the whole is flushing, GST_FLOW_EOS after the source's end, else what downstream said.
    GstFlowReturn push(mux::Entry& entry);

    struct Next {
        std::optional<mux::Formed> formed;  ///< none: flushing, or ended
        bool ended = false;                 ///< every source has, and everything has left
        int batch_size = 0;                 ///< the option, now
    };
    /// Waits for the next batch.
    Next next();
    /// What downstream said; other than GST_FLOW_OK it ends every push.
    void set_flow(GstFlowReturn flow);

    /// While true nobody waits here. False takes back set_flow() as well.
    void set_flushing(bool flushing);
    /// The same for one source's pushes.
    void set_flushing(meta::SourceId source, bool flushing);

    // As the functions of the same name of BatchFormer.
    Result<void> add_source(meta::SourceId source);
    void remove_source(meta::SourceId source);
    void set_source_options(meta::SourceId source, const mux::SourceOptions& options);
    void end_source(meta::SourceId source);
    void flush_source(meta::SourceId source);
    void restart();
    mux::MuxOptions options() const;
    mux::MuxCounters counters() const;
    /// `change` is called with the options under the lock.
    template <class Change>
    void change_options(Change&& change) {
        MutexLock lock(mutex_);
        mux::MuxOptions options = former_.options();
        change(options);
        former_.set_options(options);
        space_.notify_all();
        work_.notify_one();
    }

    /// Time to form a batch, per frame.
    metrics::HistogramSnapshot assembly() const { return assembly_.snapshot(); }

private:
    mutable Mutex mutex_;
    Condition space_;  ///< a queue may have become shorter
    Condition work_;   ///< something to poll for
    mux::BatchFormer former_ SLUICE_GUARDED_BY(mutex_);
    bool flushing_ SLUICE_GUARDED_BY(mutex_) = true;
    std::set<meta::SourceId> flushing_sources_ SLUICE_GUARDED_BY(mutex_);
    GstFlowReturn flow_ SLUICE_GUARDED_BY(mutex_) = GST_FLOW_OK;
    metrics::Histogram assembly_;
};

}  // namespace sluice::gst
