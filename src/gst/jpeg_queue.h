#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "sluice/base/clock.h"
#include "sluice/base/mutex.h"
#include "sluice/base/result.h"
#include "sluice/image/jpeg.h"

namespace sluice::gst {

/// JPEGs of many streams, decoded together by one thread: whatever waits when the decoder becomes
/// free. Bounded by its callers, each of which waits for its own picture. Thread-safe.
class JpegQueue {
public:
    /// Decodes pictures that are all 4:2:0, or none; they succeed or fail together. Called by the
    /// queue's thread alone.
    using Decode = std::function<Result<void>(std::span<const image::JpegPicture>)>;

    struct Options {
        /// More gain little: on an H200 8 at once give 3,700 pictures of 1080p a second, 32 5,800.
        std::size_t most_at_once = 32;
        /// What decodes side by side. Where more wait, a multiple is taken: 7 take an H100 1.5 ms
        /// and 8 2.1 ms.
        std::size_t engines = 1;
        /// Streams that were just served have this long to come back before the others go on
        /// without them: else two parts of them would take turns, each as slow as all together.
        Duration patience = std::chrono::microseconds(250);
    };

    JpegQueue(Decode decode, const Options& options);
    /// As close(); nobody may be inside decode() any more.
    ~JpegQueue();
    JpegQueue(const JpegQueue&) = delete;
    JpegQueue& operator=(const JpegQueue&) = delete;

    /// Waits until it is decoded. What Decode said of it and those that were decoded with it;
    /// kUnavailable once closed.
    Result<void> decode(const image::JpegPicture& picture);
    /// What waits is refused; what is being decoded is finished, and waited for.
    void close();
    /// How many have not been taken to be decoded yet.
    std::size_t waiting();

private:
    struct Waiting {
        const image::JpegPicture* picture;
        std::optional<Result<void>> answer;
    };

    void run();
    /// The first that waits and its like; none when closed.
    std::vector<Waiting*> take();
    void answer(std::span<Waiting* const> batch, const Result<void>& answer);

    const Decode decode_;
    const Options options_;
    Mutex mutex_;
    Condition came_;
    Condition answered_;
    std::deque<Waiting*> waiting_ SLUICE_GUARDED_BY(mutex_);
    bool closed_ SLUICE_GUARDED_BY(mutex_) = false;
    std::size_t expected_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< to wait, once the latest are back
    TimePoint back_until_ SLUICE_GUARDED_BY(mutex_) = {};
    std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace sluice::gst
