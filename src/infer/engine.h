#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/image/preprocess.h"
#include "sluice/infer/calibration.h"
#include "sluice/infer/engine_build.h"
#include "sluice/infer/options.h"
#include "sluice/memory/image.h"
#include "sluice/memory/tensor.h"
#include "sluice/meta/object.h"

namespace sluice::infer {

struct HeadLayout;
struct PostprocessOptions;

/// How an image tensor is laid out; kOther is no image (no dimension of 1, 3 or 4 channels).
enum class Layout { kOther, kNchw, kNhwc };

struct TensorSpec {
    std::string name;
    memory::ElementType type = memory::ElementType::kF32;
    memory::Shape shape;  ///< dimension 0 is the batch; -1 where the model leaves an extent open
    Layout layout = Layout::kOther;

    /// Bytes of one item of the batch.
    std::size_t item_bytes() const;
};

/// What happens to the network's first input before the network sees it, inside the compiled
/// graph: value = (written - mean) * scale, per channel in the network's channel order. Empty mean
/// and scale leave the numbers exactly as written.
struct InputAdaptation {
    std::vector<float> mean;   ///< none, one for all, or one per channel
    std::vector<float> scale;  ///< the same
    /// What the pre-processing writes; u8 where not set.
    std::optional<memory::ElementType> type;
    std::optional<Layout> layout;
    /// Rows and columns for a model that leaves them open; 0: the model's own.
    int height = 0;
    int width = 0;

    bool operator==(const InputAdaptation&) const = default;
};

/// What stands around the network, which an engine may do itself where its memory is.
struct Stages {
    image::PreprocessPlan pixels;                     ///< from pictures to the only input
    const HeadLayout* head = nullptr;                 ///< none: no detector
    const PostprocessOptions* postprocess = nullptr;  ///< where there is a head
    bool outputs = false;  ///< outputs() are wanted even where the detections are taken
};
struct TakenStages {
    bool pixels = false;
    bool detections = false;
};

/// Input and output memory of one batch. Belongs to the engine that made it and may not outlive
/// it. Not shared between threads without the caller's own lock.
class Request {
public:
    virtual ~Request() = default;

    /// Where item `item` (0 .. batch size - 1) of an input is written, directly by the
    /// pre-processing: the device reads this memory. Not to be touched between submit and wait.
    /// Empty where the engine took the pixels.
    virtual std::span<std::byte> item(std::size_t input, int item) = 0;

    /// How many items were written: 1 .. batch size. Stays so until set again; the batch size at
    /// first. Outputs then have as many items.
    virtual void set_count(int count) = 0;

    /// In the order of Engine::outputs(). Valid after wait() and until the next submit(). None
    /// where the engine took the detections and outputs were not wanted.
    virtual std::span<const memory::TensorView> outputs() const = 0;

    /// Instead of item(), where the engine took the pixels: makes a part of a picture item `item`.
    /// The picture, on the host or the engine's device, stays as it is until wait(). Not between
    /// submit and wait. On failure (no such crop, a picture that the device cannot read) the item
    /// has no picture, and submit() refuses a batch with such items.
    virtual Result<image::Placement> put(int item,
                                         const memory::ImageView& image,
                                         const image::Rect& crop);

    /// Instead of outputs(), where the engine took the detections: what is left of an item after
    /// thresholds and clustering, in pixels of the network's image, by falling score, without
    /// labels (Postprocessor::find). `found` is cleared first. Valid as outputs() are.
    virtual Result<void> detections(int item, std::vector<meta::Detection>& found);
};

/// A network compiled for a device. Thread-safe: different requests on different threads.
class Engine {
public:
    virtual ~Engine() = default;

    /// As the pre-processing must write them and the post-processing will find them.
    virtual std::span<const TensorSpec> inputs() const = 0;
    virtual std::span<const TensorSpec> outputs() const = 0;
    virtual int batch_size() const = 0;
    /// How many requests in flight keep the device busy.
    virtual int request_count() const = 0;
    /// For people: "CPU, bf16, batch 4 as 4 x 1, 4 in flight".
    virtual const std::string& description() const = 0;

    /// Offers the engine work around the network, and says what it does of it, in all requests
    /// made afterwards. Called at most once, before the first request and before another thread
    /// has the engine. By default nothing is taken.
    virtual TakenStages take_stages(const Stages& stages);

    virtual Result<std::unique_ptr<Request>> create_request() = 0;
    /// Starts the request and returns at once. On failure nothing runs. A request that runs already
    /// is refused.
    virtual Result<void> submit(Request& request) = 0;
    /// Waits for the request's results; at once when none runs. Requests may be waited for in any
    /// order; waiting in the order of submission gives results in order.
    virtual Result<void> wait(Request& request) = 0;
};

/// A network as read from its file, before a device is chosen: enough to recognise its head and to
/// decide the adaptation.
class Model {
public:
    virtual ~Model() = default;

    virtual std::span<const TensorSpec> inputs() const = 0;
    virtual std::span<const TensorSpec> outputs() const = 0;
    /// What the file says of itself: key and text ("names", "stride", ...). Often empty.
    virtual std::span<const std::pair<std::string, std::string>> metadata() const = 0;

    /// The model stays as it was and may be compiled again.
    virtual Result<std::unique_ptr<Engine>> compile(const EngineOptions& options,
                                                    const InputAdaptation& adaptation) = 0;

    /// The layers that could compute in int8, in the order in which they run. Layers that only
    /// decode boxes are none of them.
    virtual Result<std::vector<QuantizableLayer>> quantizable(const InputAdaptation& adaptation);

    /// For calibration: an engine in fp32 on the CPU whose outputs() are the model's and then those
    /// tensors, as QuantizableLayer names them, in f32. With a calibration, it computes what int8
    /// would on that device (memory::kHostMemory: this CPU). kNotFound for a tensor that there is
    /// not.
    virtual Result<std::unique_ptr<Engine>> observe(const InputAdaptation& adaptation,
                                                    const std::vector<std::string>& tensors,
                                                    const Calibration* calibration,
                                                    int device);

    /// See build_engine().
    virtual Result<EngineBuild> build(const EngineOptions& options,
                                      const InputAdaptation& adaptation,
                                      const BuildOptions& build) = 0;
};

/// Reads ONNX, OpenVINO IR, TFLite, TensorFlow or Paddle.
Result<std::unique_ptr<Model>> read_model(const std::string& path);

/// Both steps in one.
Result<std::unique_ptr<Engine>> create_engine(const std::string& path,
                                              const EngineOptions& options,
                                              const InputAdaptation& adaptation);

}  // namespace sluice::infer
