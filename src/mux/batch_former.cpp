#include "sluice/mux/batch_former.h"

#include <algorithm>
#include <list>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "sluice/mux/detail/entry_queue.h"
#include "sluice/mux/detail/place.h"
#include "sluice/mux/detail/thinner.h"

// How it works. Every source with waiting frames stands in one list, `ready`, in the order of
// turns; whoever has given a frame goes to its end. So the choice of a frame costs the same for two
// sources as for two hundred, and a fast source cannot go twice before a slow one. Two sums, kept
// up to date source by source, tell whether a batch is due: the frames that a batch could take now,
// and the sources that it still waits for. Only priorities and min-fps make a choice walk the list.

namespace sluice::mux {
namespace {

constexpr int kMaxBatch = 1024;
/// With priorities, one choice in this many goes by turn alone: no source is starved.
constexpr std::uint64_t kFairTurn = 4;
/// queue-frames where none is set: enough for the hiccups of one source. Together, recordings need
/// no more than so many batches ahead, and every waiting frame costs memory of the device; one more
/// than the next frame has to be there so that its decoder goes on.
constexpr std::size_t kQueueFrames = 4;
constexpr std::size_t kFewestQueueFrames = 2;
constexpr std::size_t kBatchesAhead = 4;

struct Source {
    meta::SourceId id;
    SourceOptions options;
    detail::EntryQueue queue;
    detail::Thinner thinner;
    SourceCounters counters;
    std::uint64_t sequence = 0;
    TimePoint last_taken{};        ///< min-fps is measured from here
    std::uint64_t last_batch = 0;  ///< number (from 1) of the last batch that took from it
    std::size_t in_last_batch = 0;
    bool ended = false;
    bool told = false;      ///< a Formed has named its end, or will before any other batch
    bool blocked = false;   ///< refused a frame, so it cannot add before something is taken
    bool absent = false;    ///< gave nothing to a batch that left on timeout
    bool standing = false;  ///< in ready, not in idle

    // Its part in the sums of State.
    std::size_t available = 0;
    bool awaited = false;
};
using Sources = std::list<Source>;
using Place = Sources::iterator;

Duration period(double fps) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1.0 / fps));
}

Error no_source(meta::SourceId id) {
    return not_found(fmt::format("the mux has no source {}", id.value));
}

}  // namespace

struct BatchFormer::State {
    MuxOptions options;
    // A source moves between the lists by splicing, which keeps its Place and allocates nothing.
    Sources idle;   ///< nothing waiting
    Sources ready;  ///< something waiting, in the order of turns
    Sources spent;  ///< during form(): gave as much to this batch as it may
    std::unordered_map<meta::SourceId, Place> places;

    std::size_t batch_size = 1;
    std::size_t share = 1;                   ///< max-same-source-frames where none is set
    std::size_t queue_share = kQueueFrames;  ///< queue-frames of recordings where none is set
    std::size_t active = 0;                  ///< sources that may still give a frame
    std::size_t available = 0;               ///< frames that a batch without a size could take
    std::size_t awaited = 0;                 ///< sources worth waiting for
    bool ranked = false;                     ///< priorities or min-fps are in play
    TimePoint not_before{};                  ///< overall-max-fps
    std::optional<TimePoint> oldest;  ///< arrival of the oldest waiting frame, once asked for
    std::uint64_t choices = 0;
    std::vector<meta::SourceId> ends;  ///< to be told before any other batch

    std::uint64_t batches = 0;
    std::uint64_t frames = 0;
    std::uint64_t slots = 0;

    Source* find(meta::SourceId id) {
        auto found = places.find(id);
        return found == places.end() ? nullptr : &*found->second;
    }
    bool is_live(const Source& source) const { return options.live_source || source.options.live; }
    std::size_t limit(const Source& source) const;
    std::size_t queue_limit(const Source& source) const;
    bool is_full(const Source& source, std::size_t bytes) const;
    void refresh(Source& source);
    void recount();
    TimePoint oldest_arrival();
    TimePoint due();

    Entry take(Source& source);
    std::vector<memory::Handle> make_room(Source& source, std::size_t bytes);
    void enqueue(Place place, Entry&& entry);
    void leave_turns(Place place);
    Place choose(TimePoint now);
    void drop_late(Source& source, TimePoint now, std::vector<memory::Handle>& late);
    Formed form(TimePoint now);
    void take_front(Place place, Formed& formed, TimePoint now);
    void note_absent();
    std::vector<memory::Handle> empty_queue(Place place);
};

/// Most frames of the source in one batch.
std::size_t BatchFormer::State::limit(const Source& source) const {
    if (source.options.max_frames_per_batch > 0)
        return static_cast<std::size_t>(source.options.max_frames_per_batch);
    if (options.max_same_source_frames > 0)
        return static_cast<std::size_t>(options.max_same_source_frames);
    return share;
}

/// Most frames of the source that may wait.
std::size_t BatchFormer::State::queue_limit(const Source& source) const {
    std::size_t most = is_live(source) ? kQueueFrames : queue_share;
    if (options.queue_frames > 0) most = static_cast<std::size_t>(options.queue_frames);
    return std::max(most, limit(source));
}

bool BatchFormer::State::is_full(const Source& source, std::size_t bytes) const {
    if (source.queue.empty()) return false;
    if (source.queue.size() >= queue_limit(source)) return true;
    return options.queue_bytes > 0 &&
           source.queue.bytes() + bytes > static_cast<std::size_t>(options.queue_bytes);
}

/// Brings the source's part in the sums up to date.
void BatchFormer::State::refresh(Source& source) {
    std::size_t most = limit(source);
    // A second frame of a live source is taken where it is there, but not waited for.
    std::size_t wanted = is_live(source) ? 1 : most;
    bool waits = !source.ended && !source.absent && !source.blocked;
    available -= source.available;
    awaited -= source.awaited ? 1 : 0;
    source.available = std::min(source.queue.size(), most);
    source.awaited = waits && source.queue.size() < wanted;
    available += source.available;
    awaited += source.awaited ? 1 : 0;
}

/// After a change of options, or of the number of sources that still give frames.
void BatchFormer::State::recount() {
    active = 0;
    ranked = false;
    for (const auto& [id, place] : places) {
        if (!place->ended || !place->queue.empty()) ++active;
        ranked = ranked || place->options.min_fps > 0 ||
                 place->options.priority != places.begin()->second->options.priority;
    }
    std::size_t sources = std::max<std::size_t>(1, active);
    batch_size = options.batch_size > 0 ? static_cast<std::size_t>(options.batch_size)
                                        : std::min<std::size_t>(sources, kMaxBatch);
    share = (batch_size + sources - 1) / sources;
    queue_share = std::clamp(
        (kBatchesAhead * batch_size + sources - 1) / sources, kFewestQueueFrames, kQueueFrames);
    for (const auto& [id, place] : places)
        refresh(*place);
}

/// Asked for only while fewer frames wait than make a batch, so that it costs a batch's length at
/// most, once a batch.
TimePoint BatchFormer::State::oldest_arrival() {
    if (oldest) return *oldest;
    oldest = TimePoint::max();
    for (const Source& source : ready)
        oldest = std::min(*oldest, source.queue.front().frame.times[meta::Stage::kArrived]);
    return *oldest;
}

TimePoint BatchFormer::State::due() {
    if (!ends.empty()) return TimePoint{};
    if (available == 0) return TimePoint::max();
    if (available >= batch_size || awaited == 0) return not_before;
    if (options.batched_push_timeout < 0) return TimePoint::max();
    auto timeout = std::chrono::microseconds(options.batched_push_timeout);
    return std::max(oldest_arrival() + timeout, not_before);
}

/// The oldest entry of a source that has one. The caller moves an emptied source to idle.
Entry BatchFormer::State::take(Source& source) {
    Entry entry = source.queue.pop();
    oldest.reset();
    source.blocked = false;
    refresh(source);
    return entry;
}

/// Displaces a live source's oldest frames. It may stand in `ready` with nothing until enqueue().
std::vector<memory::Handle> BatchFormer::State::make_room(Source& source, std::size_t bytes) {
    std::vector<memory::Handle> displaced;
    while (is_full(source, bytes)) {
        displaced.push_back(take(source).pixels);
        ++source.counters[DropReason::kDisplaced];
    }
    return displaced;
}

void BatchFormer::State::enqueue(Place place, Entry&& entry) {
    if (!place->standing) ready.splice(ready.end(), idle, place);
    place->standing = true;
    place->queue.push(std::move(entry));
    place->absent = false;
    refresh(*place);
}

Place BatchFormer::State::choose(TimePoint now) {
    if (!ranked || ++choices % kFairTurn == 0) return ready.begin();
    auto behind = [now](const Source& source) {
        double minimum = source.options.min_fps;
        return minimum > 0 && now - source.last_taken >= period(minimum);
    };
    Place best = ready.begin();
    bool best_behind = behind(*best);
    for (Place place = std::next(best); place != ready.end(); ++place) {
        bool place_behind = behind(*place);
        if (place_behind != best_behind ? place_behind
                                        : place->options.priority > best->options.priority) {
            best = place;
            best_behind = place_behind;
        }
    }
    return best;
}

/// Of a source whose queue has run empty.
void BatchFormer::State::leave_turns(Place place) {
    idle.splice(idle.end(), ready, place);
    place->standing = false;
}

/// The newest frame stays however late it is: in lasting overload a source is thinned, not starved.
void BatchFormer::State::drop_late(Source& source,
                                   TimePoint now,
                                   std::vector<memory::Handle>& late) {
    if (!options.drop_late || !is_live(source)) return;
    while (source.queue.size() > 1 &&
           now - source.queue.front().frame.times[meta::Stage::kArrived] > options.max_latency) {
        late.push_back(take(source).pixels);
        ++source.counters[DropReason::kLate];
    }
}

void BatchFormer::State::take_front(Place place, Formed& formed, TimePoint now) {
    Source& source = *place;
    drop_late(source, now, formed.late);
    Entry entry = take(source);
    entry.frame.times[meta::Stage::kBatched] = now;
    formed.batch.frames.push_back(std::move(entry.frame));
    formed.pixels.push_back(std::move(entry.pixels));
    ++source.counters.out;
    source.last_taken = now;
    source.in_last_batch = source.last_batch == batches ? source.in_last_batch + 1 : 1;
    source.last_batch = batches;

    if (source.queue.empty()) {
        if (source.ended) {
            source.told = true;
            formed.ended.push_back(source.id);
        }
        leave_turns(place);
    } else {
        Sources& next = source.in_last_batch < limit(source) ? ready : spent;
        next.splice(next.end(), ready, place);
    }
}

/// After a batch that left on timeout.
void BatchFormer::State::note_absent() {
    for (auto& [id, place] : places) {
        if (place->last_batch == batches) continue;
        place->absent = true;
        refresh(*place);
    }
}

Formed BatchFormer::State::form(TimePoint now) {
    Formed formed;
    formed.batch.sequence = batches++;
    bool timed_out = available < batch_size && awaited > 0;
    std::size_t expected = std::min(available, batch_size);
    formed.batch.frames.reserve(expected);
    formed.pixels.reserve(expected);
    while (formed.pixels.size() < batch_size && !ready.empty())
        take_front(choose(now), formed, now);
    ready.splice(ready.end(), spent);

    frames += formed.pixels.size();
    slots += batch_size;
    not_before = options.overall_max_fps > 0 ? now + period(options.overall_max_fps) : TimePoint{};
    if (timed_out) note_absent();
    if (!formed.ended.empty()) recount();
    return formed;
}

/// Drops all that waits in the source's queue.
std::vector<memory::Handle> BatchFormer::State::empty_queue(Place place) {
    std::vector<memory::Handle> pixels;
    if (place->queue.empty()) return pixels;
    while (!place->queue.empty()) {
        pixels.push_back(take(*place).pixels);
        ++place->counters[DropReason::kFlushed];
    }
    leave_turns(place);
    return pixels;
}

BatchFormer::BatchFormer(MuxOptions options) : state_(std::make_unique<State>()) {
    set_options(options);
}
BatchFormer::~BatchFormer() = default;

const MuxOptions& BatchFormer::options() const {
    return state_->options;
}

void BatchFormer::set_options(MuxOptions options) {
    state_->options = options;
    if (options.overall_max_fps <= 0) state_->not_before = TimePoint{};
    state_->recount();
}

Result<void> BatchFormer::add_source(meta::SourceId id, SourceOptions options) {
    State& state = *state_;
    if (state.places.count(id) != 0) {
        return invalid_argument(fmt::format("the mux already has a source {}", id.value));
    }
    Place place = state.idle.emplace(state.idle.end());
    place->id = id;
    place->options = options;
    state.places.emplace(id, place);
    state.recount();
    return {};
}

Result<void> BatchFormer::set_source_options(meta::SourceId id, SourceOptions options) {
    Source* source = state_->find(id);
    if (!source) return no_source(id);
    source->options = options;
    state_->recount();
    return {};
}

Result<void> BatchFormer::end_source(meta::SourceId id) {
    State& state = *state_;
    Source* source = state.find(id);
    if (!source) return no_source(id);
    source->ended = true;
    if (source->queue.empty() && !source->told) {
        source->told = true;
        state.ends.push_back(id);
    }
    state.recount();
    return {};
}

Leftover BatchFormer::remove_source(meta::SourceId id) {
    State& state = *state_;
    auto found = state.places.find(id);
    if (found == state.places.end()) return {};
    Place place = found->second;
    Leftover leftover{state.empty_queue(place), {}};
    leftover.counters = place->counters;
    if (!place->told) state.ends.push_back(id);
    state.available -= place->available;
    state.awaited -= place->awaited ? 1 : 0;
    state.idle.erase(place);
    state.places.erase(found);
    state.recount();
    return leftover;
}

Leftover BatchFormer::flush_source(meta::SourceId id) {
    State& state = *state_;
    auto found = state.places.find(id);
    if (found == state.places.end()) return {};
    Place place = found->second;
    Leftover leftover{state.empty_queue(place), {}};
    leftover.counters = place->counters;
    if (place->told) std::erase(state.ends, id);
    place->ended = false;
    place->told = false;
    place->blocked = false;
    place->thinner = {};
    state.recount();
    return leftover;
}

std::vector<memory::Handle> BatchFormer::restart() {
    std::unique_ptr<State> old = std::exchange(state_, std::make_unique<State>());
    set_options(old->options);
    std::vector<memory::Handle> pixels;
    for (auto& [id, place] : old->places) {
        (void)add_source(id, place->options);
        while (!place->queue.empty())
            pixels.push_back(place->queue.pop().pixels);
    }
    return pixels;
}

Admission BatchFormer::push(Entry& entry, TimePoint now) {
    State& state = *state_;
    auto found = state.places.find(entry.frame.source);
    if (found == state.places.end()) {
        return {Admission::Outcome::kDropped, DropReason::kClosed, {}};
    }
    Source& source = *found->second;
    meta::Frame& frame = entry.frame;

    // Tried on a copy: a refused frame will be pushed again and must not be counted twice.
    detail::Thinner thinner = source.thinner;
    std::int64_t time =
        frame.pts_ns != meta::kNoPts ? frame.pts_ns : now.time_since_epoch().count();
    std::optional<DropReason> reason =
        source.ended ? DropReason::kClosed : thinner.admit(source.options, time);
    if (!reason && !state.is_live(source) && state.is_full(source, entry.bytes)) {
        source.blocked = true;
        state.refresh(source);
        return {Admission::Outcome::kRefused, DropReason::kClosed, {}};
    }

    source.thinner = thinner;
    if (++source.counters.in == 1) source.last_taken = now;
    frame.sequence = source.sequence++;
    if (reason) {
        ++source.counters[*reason];
        return {Admission::Outcome::kDropped, *reason, {}};
    }

    Admission admission{Admission::Outcome::kTaken, {}, state.make_room(source, entry.bytes)};
    frame.times[meta::Stage::kArrived] = now;
    if (frame.size == memory::Size{}) detail::place(frame, state.options);
    state.enqueue(found->second, std::move(entry));
    return admission;
}

std::optional<Formed> BatchFormer::poll(TimePoint now) {
    State& state = *state_;
    if (!state.ends.empty()) {
        Formed formed;
        formed.batch.sequence = state.batches;
        formed.ended = std::exchange(state.ends, {});
        return formed;
    }
    if (state.available == 0 || now < state.due()) return std::nullopt;
    return state.form(now);
}

TimePoint BatchFormer::next_deadline() const {
    return state_->due();
}

bool BatchFormer::ended() const {
    return !state_->places.empty() && state_->active == 0 && state_->ends.empty();
}

std::size_t BatchFormer::batch_size() const {
    return state_->batch_size;
}

MuxCounters BatchFormer::counters() const {
    MuxCounters out;
    out.batches = state_->batches;
    out.frames = state_->frames;
    out.slots = state_->slots;
    for (const auto& [id, place] : state_->places) {
        SourceCounters counters = place->counters;
        counters.queued = place->queue.size();
        counters.queued_bytes = place->queue.bytes();
        out.sources.emplace_back(id, counters);
    }
    std::sort(out.sources.begin(), out.sources.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
    });
    return out;
}

}  // namespace sluice::mux
