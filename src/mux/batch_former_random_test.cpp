// Random sources, options, pushes and polls at made-up times; what must hold after each step.

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "sluice/mux/batch_former.h"

namespace sluice::mux {
namespace {

using meta::SourceId;
using Outcome = Admission::Outcome;

void count_release(void* counter) {
    ++*static_cast<int*>(counter);
}

class World {
public:
    explicit World(unsigned seed) : random_(seed), former_(random_options()) {}

    void step() {
        now_ += Duration(pick(0, 8'000'000));
        int dice = pick(0, 99);
        if (dice < 70) {
            push();
        } else if (dice < 90) {
            poll_all();
        } else {
            change(dice);
        }
        check_counters();
    }

    /// Ends everything; then all that waits must come without any further push.
    void finish() {
        for (std::uint32_t id : present_)
            ASSERT_TRUE(former_.end_source(SourceId{id}));
        while (former_.next_deadline() != TimePoint::max()) {
            now_ = std::max(now_, former_.next_deadline());
            poll_all();
        }
        check_counters();
        for (const auto& [id, counts] : former_.counters().sources)
            EXPECT_EQ(counts.queued, 0u);
        EXPECT_EQ(former_.ended(), !present_.empty());
        EXPECT_EQ(untold_, std::multiset<std::uint32_t>{});
        for (int released : pixels_)
            EXPECT_EQ(released, 1);
    }

private:
    int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
    template <class T>
    T one_of(std::initializer_list<T> choices) {
        return *(choices.begin() + pick(0, static_cast<int>(choices.size()) - 1));
    }

    MuxOptions random_options() {
        MuxOptions options;
        options.batch_size = one_of({0, 0, 1, 3, 8});
        options.batched_push_timeout = one_of<std::int64_t>({0, 1000, 20'000, 40'000, -1});
        options.max_same_source_frames = one_of({0, 0, 1, 2});
        options.overall_max_fps = one_of({0.0, 0.0, 50.0});
        options.live_source = pick(0, 4) == 0;
        options.drop_late = pick(0, 2) == 0;
        options.max_latency = std::chrono::milliseconds(pick(0, 50));
        options.queue_frames = pick(1, 5);
        options.queue_bytes = one_of<std::int64_t>({0, 100, 1000});
        return options;
    }

    SourceOptions random_source() {
        SourceOptions options;
        options.max_fps = one_of({0.0, 0.0, 100.0});
        options.min_fps = one_of({0.0, 0.0, 20.0});
        options.priority = one_of({0, 0, 1, 7});
        options.max_frames_per_batch = one_of({0, 0, 1, 3});
        options.drop_frame_interval = one_of({0, 0, 2});
        options.live = pick(0, 1) == 0;
        return options;
    }

    void push() {
        Entry entry;
        auto id = static_cast<std::uint32_t>(pick(0, 7));
        entry.frame.source = SourceId{id};
        entry.bytes = static_cast<std::size_t>(pick(0, 200));
        if (pick(0, 1)) entry.frame.pts_ns = now_.time_since_epoch().count();
        pixels_.push_back(0);
        int* pixel = &pixels_.back();
        entry.pixels = memory::Handle(pixel, count_release);
        Admission admission = former_.push(entry, now_);
        EXPECT_EQ(entry.pixels == nullptr, admission.outcome == Outcome::kTaken);
        if (admission.outcome == Outcome::kTaken) {
            EXPECT_EQ(present_.count(id), 1u);
            waiting_[id].push_back(pixel);
        }
        for (const memory::Handle& handle : admission.displaced)
            expect_first(id, handle.get());
        if (admission.outcome == Outcome::kRefused) {
            EXPECT_FALSE(waiting_[id].empty());
        }
    }

    void poll_all() {
        while (auto formed = former_.poll(now_)) {
            for (const memory::Handle& handle : formed->late)
                expect_somewhere(handle.get());
            check_batch(*formed);
            for (SourceId id : formed->ended) {
                auto found = untold_.find(id.value);
                ASSERT_NE(found, untold_.end());
                untold_.erase(found);
            }
        }
        EXPECT_GT(former_.next_deadline(), now_);  // nothing due may be left
    }

    void check_batch(const Formed& formed) {
        const auto& frames = formed.batch.frames;
        ASSERT_EQ(frames.size(), formed.pixels.size());
        EXPECT_TRUE(!frames.empty() || !formed.ended.empty());
        std::map<std::uint32_t, std::size_t> per_source;
        for (std::size_t i = 0; i < frames.size(); ++i) {
            std::uint32_t id = frames[i].source.value;
            ++per_source[id];
            expect_first(id, formed.pixels[i].get());
            auto [last, is_new] = last_sequence_.try_emplace(id, frames[i].sequence);
            if (!is_new) {
                EXPECT_LT(last->second, frames[i].sequence);
                last->second = frames[i].sequence;
            }
            EXPECT_EQ(frames[i].times[meta::Stage::kBatched], now_);
            EXPECT_LE(frames[i].times[meta::Stage::kArrived], now_);
        }
        if (former_.options().batch_size > 0) {
            EXPECT_LE(frames.size(), former_.batch_size());
        }
        if (former_.options().max_same_source_frames == 1) {
            for (const auto& [id, count] : per_source)
                EXPECT_LE(count, 3u);  // the most that a random source's own limit allows
        }
    }

    void change(int dice) {
        auto id = static_cast<std::uint32_t>(pick(0, 7));
        bool present = present_.count(id) != 0;
        if (dice < 94) {
            EXPECT_EQ(static_cast<bool>(former_.add_source(SourceId{id}, random_source())),
                      !present);
            if (present_.insert(id).second) {
                untold_.insert(id);
                last_sequence_.erase(id);
            }
        } else if (dice < 96) {
            auto before = former_.counters();
            Leftover leftover = former_.remove_source(SourceId{id});
            for (const memory::Handle& handle : leftover.pixels)
                expect_first(id, handle.get());
            EXPECT_TRUE(waiting_[id].empty());
            EXPECT_EQ(leftover.counters.in, present ? count_in(before, id) : 0u);
            present_.erase(id);
        } else if (dice < 98) {
            EXPECT_EQ(static_cast<bool>(former_.end_source(SourceId{id})), present);
        } else if (dice < 99) {
            EXPECT_EQ(static_cast<bool>(former_.set_source_options(SourceId{id}, random_source())),
                      present);
        } else {
            former_.set_options(random_options());
        }
    }

    static std::uint64_t count_in(const MuxCounters& counters, std::uint32_t id) {
        for (const auto& [source, counts] : counters.sources) {
            if (source == SourceId{id}) return counts.in;
        }
        return 0;
    }

    void check_counters() {
        MuxCounters counters = former_.counters();
        EXPECT_EQ(counters.sources.size(), present_.size());
        for (const auto& [id, counts] : counters.sources) {
            std::uint64_t dropped = 0;
            for (std::uint64_t count : counts.dropped)
                dropped += count;
            EXPECT_EQ(counts.in, counts.out + dropped + counts.queued);
            EXPECT_EQ(counts.queued, waiting_[id.value].size());
            EXPECT_LE(counts.queued, 8u);  // the largest batch, or five in the queue
            EXPECT_LE(counts.queued_bytes, 8u * 200);
        }
    }

    void expect_first(std::uint32_t id, void* pixel) {
        auto& queue = waiting_[id];
        ASSERT_FALSE(queue.empty());
        EXPECT_EQ(queue.front(), pixel);
        queue.erase(queue.begin());
    }

    void expect_somewhere(void* pixel) {
        for (auto& [id, queue] : waiting_) {
            if (!queue.empty() && queue.front() == pixel) return expect_first(id, pixel);
        }
        ADD_FAILURE() << "a late frame that did not wait at the head of its queue";
    }

    std::mt19937 random_;
    std::deque<int> pixels_;  ///< how often each handle was released; outlives the former
    std::map<std::uint32_t, std::vector<void*>> waiting_;
    std::map<std::uint32_t, std::uint64_t> last_sequence_;
    std::set<std::uint32_t> present_;
    std::multiset<std::uint32_t> untold_;
    TimePoint now_ = TimePoint{} + std::chrono::hours(1);
    BatchFormer former_;
};

TEST(BatchFormerRandom, LosesNothingKeepsOrderBoundsAndDeadlines) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        World world(seed);
        for (int i = 0; i < 400; ++i)
            world.step();
        world.finish();
        if (testing::Test::HasFailure()) return;
    }
}

TEST(BatchFormerRandom, StarvesNoSourceInLastingOverload) {
    std::mt19937 random(7);
    MuxOptions options{.batch_size = 4, .max_same_source_frames = 1};
    BatchFormer former(options);
    constexpr std::uint32_t kSources = 20;
    for (std::uint32_t id = 0; id < kSources; ++id) {
        SourceOptions source;
        source.priority = id < 5 ? 10 : 0;         // five that could take every place
        source.min_fps = id == 5 ? 1'000'000 : 0;  // one that is for ever behind
        ASSERT_TRUE(former.add_source(SourceId{id}, source));
    }
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    std::vector<int> waited(kSources, 0);
    for (int i = 0; i < 2000; ++i) {
        now += std::chrono::milliseconds(10);
        for (std::uint32_t id = 0; id < kSources; ++id) {
            Entry entry;
            entry.frame.source = SourceId{id};
            former.push(entry, now);  // refused where the queue is full
        }
        auto formed = former.poll(now);
        ASSERT_TRUE(formed);
        ASSERT_EQ(formed->batch.frames.size(), 4u);
        for (int& count : waited)
            ++count;
        for (const meta::Frame& frame : formed->batch.frames)
            waited[frame.source.value] = 0;
        // One place of four goes by turn, so that a turn comes at the latest every kSources
        // batches.
        EXPECT_LE(*std::max_element(waited.begin(), waited.end()), static_cast<int>(kSources));
    }
}

TEST(BatchFormerRandom, NoFrameWaitsLongerThanTheTimeoutWhenPolledInTime) {
    std::mt19937 random(3);
    std::exponential_distribution<double> gap_ms(1.0 / 5);
    BatchFormer former({.batched_push_timeout = 20'000, .queue_frames = 64});
    for (std::uint32_t id = 0; id < 6; ++id)
        ASSERT_TRUE(former.add_source(SourceId{id}));
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    std::size_t out = 0;
    auto poll_at = [&](TimePoint when) {
        while (auto formed = former.poll(when)) {
            for (const meta::Frame& frame : formed->batch.frames) {
                EXPECT_LE(when - frame.times[meta::Stage::kArrived], std::chrono::milliseconds(20));
                ++out;
            }
        }
    };
    for (int i = 0; i < 20'000; ++i) {
        TimePoint next = now + Duration(static_cast<std::int64_t>(gap_ms(random) * 1e6));
        for (TimePoint due = former.next_deadline(); due <= next; due = former.next_deadline())
            poll_at(std::max(due, now));
        now = next;
        Entry entry;
        // Source 5 is stuck; the rates of the others are very different.
        entry.frame.source = SourceId{static_cast<std::uint32_t>(
            std::min<unsigned>(4, std::geometric_distribution<unsigned>(0.5)(random)))};
        ASSERT_EQ(former.push(entry, now).outcome, Outcome::kTaken);
        poll_at(now);
    }
    EXPECT_GT(out, 19'900u);
}

}  // namespace
}  // namespace sluice::mux
