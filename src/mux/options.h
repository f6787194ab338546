#pragma once

#include <cstdint>

#include "sluice/base/fields.h"

namespace sluice::mux {

/// Names, units and meanings are DeepStream's where it has them; 0 mostly means "choose for me".
struct MuxOptions {
    int batch_size = 0;
    std::int64_t batched_push_timeout = 40'000;  ///< one frame of a 25 fps camera
    int max_same_source_frames = 0;
    double overall_max_fps = 0;
    bool live_source = false;
    bool drop_late = false;
    Duration max_latency = std::chrono::milliseconds(200);
    int queue_frames = 0;
    std::int64_t queue_bytes = 64 << 20;
    int width = 0;
    int height = 0;
    bool enable_padding = false;
};

struct SourceOptions {
    double max_fps = 0;
    double min_fps = 0;
    int priority = 0;
    int max_frames_per_batch = 0;
    int drop_frame_interval = 0;
    /// No option of a user's: the element sets it where upstream says that it is live.
    bool live = false;
};

}  // namespace sluice::mux

template <>
inline constexpr auto sluice::fields<sluice::mux::MuxOptions> = sluice::field_table(
    field("batch-size",
          &mux::MuxOptions::batch_size,
          range(0, 1024),
          "most frames in a batch; 0: as many as there are sources",
          Tunable::kYes),
    field("batched-push-timeout",
          &mux::MuxOptions::batched_push_timeout,
          range(std::int64_t{-1}, std::int64_t{60'000'000}),
          "microseconds that a batch's first frame waits for others; -1: for ever",
          Tunable::kYes),
    field("max-same-source-frames",
          &mux::MuxOptions::max_same_source_frames,
          range(0, 1024),
          "most frames of one source in a batch; 0: its share of batch-size",
          Tunable::kYes),
    field("overall-max-fps",
          &mux::MuxOptions::overall_max_fps,
          range(0.0, 10'000.0),
          "most batches a second; 0: no limit"),
    field("live-source",
          &mux::MuxOptions::live_source,
          "treat every source as live: a full queue drops its oldest frame instead of waiting"),
    field(
        "drop-late",
        &mux::MuxOptions::drop_late,
        "drop frames of live sources that waited longer than max-latency, save a source's newest"),
    field("max-latency",
          &mux::MuxOptions::max_latency,
          range(0.0, 60.0),
          "seconds after which drop-late calls a frame late"),
    field(
        "queue-frames",
        &mux::MuxOptions::queue_frames,
        range(0, 1024),
        "frames that a source may have waiting, never fewer than it may give to a batch; 0: 4, of "
        "recordings down to 2 where there are many more than a batch takes",
        Tunable::kYes),
    field("queue-bytes",
          &mux::MuxOptions::queue_bytes,
          range(std::int64_t{0}, std::int64_t{1} << 40),
          "bytes that a source may have waiting (one frame may always wait); 0: no limit"),
    field("width",
          &mux::MuxOptions::width,
          range(0, 32'768),
          "width of the processing resolution; 0: each source's own"),
    field("height",
          &mux::MuxOptions::height,
          range(0, 32'768),
          "height of the processing resolution; 0: each source's own"),
    field("enable-padding",
          &mux::MuxOptions::enable_padding,
          "keep each source's aspect ratio in the processing resolution, centred"));

template <>
inline constexpr auto sluice::fields<sluice::mux::SourceOptions> = sluice::field_table(
    field("max-fps",
          &mux::SourceOptions::max_fps,
          range(0.0, 10'000.0),
          "frames a second to keep, by the source's own time; 0: all",
          Tunable::kYes),
    field("min-fps",
          &mux::SourceOptions::min_fps,
          range(0.0, 10'000.0),
          "below this rate the source's frames go before others'; 0: never"),
    field("priority",
          &mux::SourceOptions::priority,
          range(-1000, 1000),
          "higher goes first when not all frames fit; every fourth frame goes by turn alone"),
    field("max-frames-per-batch",
          &mux::SourceOptions::max_frames_per_batch,
          range(0, 1024),
          "most frames of this source in a batch; 0: max-same-source-frames"),
    field("drop-frame-interval",
          &mux::SourceOptions::drop_frame_interval,
          range(0, 1'000'000),
          "keep one frame of this many; 0: all",
          Tunable::kYes));
