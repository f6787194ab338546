#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "sluice/memory/image.h"
#include "sluice/meta/display.h"
#include "sluice/meta/ids.h"
#include "sluice/meta/object.h"
#include "sluice/meta/stage.h"

namespace sluice::meta {

enum class Inference { kNone, kDone, kSkipped };

inline constexpr std::int64_t kNoPts = std::numeric_limits<std::int64_t>::min();

/// Output of a network, kept for the user when asked for. Immutable, shared between copies.
struct TensorData {
    std::string name;
    std::uint32_t component_id = 0;
    std::int32_t object = kNoParent;  ///< index of the frame's object it is of; the whole frame
    std::vector<std::int64_t> shape;  ///< without the batch
    std::vector<float> values;
};

/// Anything that a user attaches: `kind` names its type. Immutable, shared between copies.
struct UserData {
    std::string kind;
    std::shared_ptr<const void> data;
};

/// What is known of one frame of one source. A plain value: copies are deep but for tensors and
/// user data, which are shared and never change.
struct Frame {
    SourceId source;
    std::uint64_t sequence = 0;    ///< 0-based count of the source's frames that reached the mux
    std::int64_t pts_ns = kNoPts;  ///< presentation time in the source's own stream
    memory::Size source_size;      ///< as decoded
    memory::Size size;             ///< the processing resolution: the space of every box here
    PixelBox content;              ///< where the source's picture lies in it (padding excluded)
    Inference inference = Inference::kNone;
    StageTimes times;

    std::vector<Object> objects;
    std::vector<Primitive> display;
    std::vector<std::shared_ptr<const TensorData>> tensors;
    std::vector<UserData> user_data;
};

struct Batch {
    std::uint64_t sequence = 0;
    std::vector<Frame> frames;
};

}  // namespace sluice::meta
