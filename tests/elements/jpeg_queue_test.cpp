// The queue before a device's JPEG decoder, with a decoder of the test's own.
#include "sluice/gst/jpeg_queue.h"

#include <algorithm>
#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::gst {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint8_t kBad = 255;

/// A picture of one byte.
struct Picture {
    image::JpegPicture get() const { return {{&byte, 1}, is_420, {}}; }
    std::uint8_t byte;
    bool is_420 = true;
};

/// Fails with the byte of a bad picture in the batch; stands still while it is held.
class Decoder {
public:
    Result<void> operator()(std::span<const image::JpegPicture> pictures) {
        MutexLock lock(mutex_);
        auto& batch = batches_.emplace_back();
        for (const image::JpegPicture& picture : pictures)
            batch.push_back(picture.jpeg[0]);
        changed_.notify_all();
        while (held_)
            changed_.wait(mutex_);
        const bool bad = std::find(batch.begin(), batch.end(), kBad) != batch.end();
        return bad ? Result<void>(corrupt("a bad picture")) : Result<void>();
    }
    void hold(bool held) {
        MutexLock lock(mutex_);
        held_ = held;
        changed_.notify_all();
    }
    void wait_until_busy() {
        MutexLock lock(mutex_);
        while (batches_.empty())
            changed_.wait(mutex_);
    }
    std::vector<std::vector<int>> batches() {
        MutexLock lock(mutex_);
        return batches_;
    }

private:
    Mutex mutex_;
    Condition changed_;
    bool held_ = false;
    std::vector<std::vector<int>> batches_;
};

class Queue : public testing::Test {
protected:
    explicit Queue(const JpegQueue::Options& options = {})
        : queue_([this](auto pictures) { return decoder_(pictures); }, options) {}

    /// A stream that has this one picture.
    std::future<Result<void>> send(Picture picture) {
        const std::size_t before = queue_.waiting();
        auto sent = std::async(std::launch::async,
                               [this, picture] { return queue_.decode(picture.get()); });
        if (busy_) {
            while (queue_.waiting() == before)
                std::this_thread::yield();
        }
        return sent;
    }
    /// From now on pictures wait, in the order in which they are sent.
    std::future<Result<void>> keep_busy() {
        decoder_.hold(true);
        auto first = send(Picture{0});
        decoder_.wait_until_busy();
        busy_ = true;
        return first;
    }

    Decoder decoder_;
    bool busy_ = false;
    JpegQueue queue_;
};

TEST_F(Queue, DecodesAtOnceWhatComesAlone) {
    EXPECT_TRUE(queue_.decode(Picture{1}.get()));
    EXPECT_TRUE(queue_.decode(Picture{2}.get()));
    EXPECT_THAT(decoder_.batches(), ElementsAre(ElementsAre(1), ElementsAre(2)));
}

TEST_F(Queue, DecodesTogetherWhatHasWaited) {
    auto first = keep_busy();
    auto second = send(Picture{1});
    auto third = send(Picture{2});
    decoder_.hold(false);
    EXPECT_TRUE(first.get() && second.get() && third.get());
    EXPECT_THAT(decoder_.batches(), ElementsAre(ElementsAre(0), ElementsAre(1, 2)));
}

TEST_F(Queue, KeepsApartWhatIsNotHalvedAlike) {
    auto first = keep_busy();
    std::vector<std::future<Result<void>>> sent;
    for (std::uint8_t i = 1; i <= 4; ++i)
        sent.push_back(send(Picture{i, i % 2 == 0}));
    decoder_.hold(false);
    for (auto& one : sent)
        EXPECT_TRUE(one.get());
    EXPECT_THAT(decoder_.batches(),
                ElementsAre(ElementsAre(0), ElementsAre(1, 3), ElementsAre(2, 4)));
}

class QueueOfTwo : public Queue {
protected:
    QueueOfTwo() : Queue({.most_at_once = 2}) {}
};

TEST_F(QueueOfTwo, TakesNoMoreAtOnceThanItMayAndTheOldestFirst) {
    auto first = keep_busy();
    std::vector<std::future<Result<void>>> sent;
    for (std::uint8_t i = 1; i <= 5; ++i)
        sent.push_back(send(Picture{i}));
    decoder_.hold(false);
    for (auto& one : sent)
        EXPECT_TRUE(one.get());
    EXPECT_THAT(decoder_.batches(),
                ElementsAre(ElementsAre(0), ElementsAre(1, 2), ElementsAre(3, 4), ElementsAre(5)));
}

TEST_F(QueueOfTwo, TellsAnErrorToThoseAloneThatWereDecodedWithIt) {
    auto first = keep_busy();
    auto good = send(Picture{1});
    auto bad = send(Picture{kBad});
    auto later = send(Picture{2});
    decoder_.hold(false);
    EXPECT_TRUE(first.get());
    EXPECT_FALSE(good.get());
    EXPECT_EQ(bad.get().error().code, ErrorCode::kCorrupt);
    EXPECT_TRUE(later.get());
}

class QueueOfThreeEngines : public Queue {
protected:
    QueueOfThreeEngines() : Queue({.engines = 3}) {}
};

TEST_F(QueueOfThreeEngines, LeavesNoneIdleWhereMoreWait) {
    auto first = keep_busy();
    std::vector<std::future<Result<void>>> sent;
    for (std::uint8_t i = 1; i <= 8; ++i)
        sent.push_back(send(Picture{i}));
    decoder_.hold(false);
    for (auto& one : sent)
        EXPECT_TRUE(one.get());
    EXPECT_THAT(decoder_.batches(),
                ElementsAre(ElementsAre(0), ElementsAre(1, 2, 3, 4, 5, 6), ElementsAre(7, 8)));
}

class PatientQueue : public Queue {
protected:
    PatientQueue() : Queue({.patience = std::chrono::seconds(60)}) {}
};

TEST_F(PatientQueue, GivesThoseItServedTimeToComeBack) {
    auto first = keep_busy();
    auto second = send(Picture{1});
    decoder_.hold(false);
    EXPECT_TRUE(first.get());
    EXPECT_TRUE(queue_.decode(Picture{2}.get()));
    EXPECT_TRUE(second.get());
    EXPECT_THAT(decoder_.batches(), ElementsAre(ElementsAre(0), ElementsAre(1, 2)));
}

TEST_F(Queue, RefusesWhatWaitsWhenItIsClosedThoughTheDecoderIsStuck) {
    auto first = keep_busy();
    auto waiting = send(Picture{1});
    auto closing = std::async(std::launch::async, [this] { queue_.close(); });
    EXPECT_EQ(waiting.get().error().code, ErrorCode::kUnavailable);
    EXPECT_FALSE(queue_.decode(Picture{2}.get()));
    decoder_.hold(false);
    closing.get();
    EXPECT_TRUE(first.get());
    EXPECT_THAT(decoder_.batches(), ElementsAre(ElementsAre(0)));
}

TEST_F(Queue, GivesEveryStreamItsPicturesInOrder) {
    std::vector<std::future<bool>> streams;
    for (std::uint8_t stream = 0; stream < 8; ++stream) {
        streams.push_back(std::async(std::launch::async, [this, stream] {
            for (std::uint8_t i = 0; i < 25; ++i) {
                if (!queue_.decode(Picture{static_cast<std::uint8_t>(stream * 25 + i)}.get()))
                    return false;
            }
            return true;
        }));
    }
    for (auto& stream : streams)
        EXPECT_TRUE(stream.get());
    std::vector<int> next{0, 25, 50, 75, 100, 125, 150, 175};
    for (const auto& batch : decoder_.batches()) {
        for (int byte : batch)
            EXPECT_EQ(byte, next[static_cast<std::size_t>(byte / 25)]++);
    }
}

}  // namespace
}  // namespace sluice::gst
