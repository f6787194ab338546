#pragma once

#include <memory>
#include <span>
#include <vector>

#include "sluice/infer/backends/cuda/detect.h"
#include "sluice/infer/engine.h"
#include "sluice/infer/heads/head.h"
#include "sluice/infer/postprocess.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::infer::cuda {

/// What one run of a detector needs.
struct DetectorMemory {
    memory::cuda::Buffer before;  ///< pinned: the state as a run finds it; begins with the count
    memory::cuda::Buffer state;   ///< on the device: the count, then an ItemState per item
    memory::cuda::Buffer after;   ///< pinned: an ItemResult per item
    memory::cuda::Buffer candidates;
    memory::cuda::Buffer grids;  ///< this and those that follow: as in ClusterArgs
    memory::cuda::Buffer firsts;
    memory::cuda::Buffer edges;
    memory::cuda::Buffer traits;
    memory::cuda::Buffer order;
    memory::cuda::Buffer pairs;
    memory::cuda::Buffer teams;
    memory::cuda::Buffer
        kept;  ///< pinned: the device writes what is kept, and no more, over the bus
};

/// The device's Postprocessor::find: decodes a network's outputs where they are, thresholds and
/// clusters. Only kept boxes come to the host. Immutable; reentrant.
class Detector {
public:
    /// An item with more than kMostCandidates is left to the host. kUnsupported for a head that the
    /// device does not decode. The device must be the calling thread's own, and stay so for
    /// allocate() and enqueue().
    static Result<Detector> create(std::span<const TensorSpec> outputs,
                                   const HeadLayout& layout,
                                   const Clustering& clustering);

    Result<DetectorMemory> allocate() const;

    /// How many items the next run has.
    static void set_count(const DetectorMemory& memory, int count);

    /// Queues a run on the outputs: fp32, row-major, on the device.
    Result<void> enqueue(std::span<const memory::cuda::Buffer> outputs,
                         const DetectorMemory& memory,
                         const memory::cuda::Stream& stream) const;

    /// After the run: an item's boxes as Postprocessor::find gives them. False, and none, where the
    /// item is left to the host: too many candidates, or a class that there is not.
    bool read(const DetectorMemory& memory, int item, std::vector<meta::Detection>& found) const;

private:
    int batch_ = 0;
    int capacity_ = 0;
    DecodeArgs decode_;
    ClusterArgs cluster_;
    memory::cuda::Buffer thresholds_;
    memory::cuda::Buffer iou_thresholds_;
};

/// Where the head's numbers lie and what is done with them, without any pointers; kUnsupported
/// where the device does not do it.
Result<DecodeArgs> decode_args(std::span<const TensorSpec> outputs,
                               const HeadLayout& layout,
                               float lowest_threshold);

/// Boxes in Nms's order.
void read_boxes(std::span<FoundBox> boxes, unsigned classes, std::vector<meta::Detection>& found);

}  // namespace sluice::infer::cuda
