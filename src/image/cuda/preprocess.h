#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "sluice/base/result.h"
#include "sluice/image/preprocess.h"
#include "sluice/memory/cuda/device.h"
#include "sluice/memory/image.h"

namespace sluice::image::cuda {

/// Preprocessor's twin on a CUDA device: a batch of pictures, each of its own size, format (P010
/// too), pitch and crop, in one launch (one per 64 pictures). As near to exact arithmetic as
/// Preprocessor. For one thread at a time, whose device is the one that it was made on.
class BatchPreprocessor {
public:
    /// On the calling thread's device. `stored_channels` of 4 or 8 pads the pixels of an NHWC
    /// tensor with zeros; 0 stores what the plan has. kInvalidArgument for an empty size or batch,
    /// kUnsupported for another element type, another padding, or without a device.
    static Result<BatchPreprocessor> create(const PreprocessPlan& plan,
                                            int batch,
                                            int stored_channels = 0);
    BatchPreprocessor(BatchPreprocessor&&) noexcept;
    BatchPreprocessor& operator=(BatchPreprocessor&&) noexcept;
    ~BatchPreprocessor();

    const PreprocessPlan& plan() const;
    /// Of one picture in the tensor; items follow each other without a gap.
    std::size_t item_bytes() const;

    /// Remembers a picture for the next run(). Pixels of the device are read by that run, those of
    /// the host are copied first (the crop only), in the stream: either must stay until the stream
    /// has passed the run. On failure (as Preprocessor::run; kInvalidArgument also for an item that
    /// is not in the batch, another device's pixels, or samples of 2 and 4 bytes that are not
    /// aligned) the item has no picture.
    Result<Placement> add(int item,
                          const memory::ImageView& image,
                          const Rect& crop,
                          const memory::cuda::Stream& stream);
    /// Queues the writing of items 0 .. count - 1, fill included, to device memory aligned to 16
    /// bytes, and forgets all pictures. kInvalidArgument, nothing queued: an item without a
    /// picture. What host pictures are copied to is used again by the next add(), so that goes into
    /// the same stream, or waits for this run.
    Result<void> run(int count, void* destination, const memory::cuda::Stream& stream);

    /// Copied from the host so far.
    std::uint64_t uploaded_bytes() const;

private:
    struct State;
    explicit BatchPreprocessor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sluice::image::cuda
