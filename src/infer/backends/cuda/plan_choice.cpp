#include "sluice/infer/backends/cuda/plan_choice.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "sluice/infer/backends/cuda/plan_trial.h"
#include "sluice/infer/backends/cuda/watchdog.h"

namespace sluice::infer::cuda {
namespace {

/// More of cuDNN's list changed no layer's time by more than a few percent when it was tried.
constexpr std::size_t kCandidates = 8;
constexpr std::chrono::seconds kBetweenReports{3};
/// For one plan, tried or timed: some 30 runs, of milliseconds at the most.
constexpr std::chrono::seconds kPatience{20};

struct Work {
    const ConvProblem* problem;
    std::string key;
    std::string known;  ///< the plan's name, or kNoPlan; "" where it is to be found out
    std::vector<ConvPlan> plans;
};

/// Tells how far the timing is. Used by one thread.
class Progress {
public:
    Progress(std::size_t layers, const std::function<void(const std::string&)>& say)
        : layers_(layers), say_(say) {}

    void reached(std::size_t units) {
        const auto now = Clock::now();
        if (layers_ == 0 || !say_ || now - last_ < kBetweenReports) return;
        last_ = now;
        say_(tuning_progress(units, layers_, std::chrono::duration<double>(now - begin_).count()));
    }

private:
    using Clock = std::chrono::steady_clock;
    std::size_t layers_;
    const std::function<void(const std::string&)>& say_;
    Clock::time_point begin_ = Clock::now();
    Clock::time_point last_ = begin_;
};

/// Where our own kernel is the better guess: cuDNN's sums of 8 bits are slow over few channels, and
/// where an operand of 8 bits is read (measured: 9.19 on an H200). Pairs it cannot do at all.
bool prefers_own(const ConvProblem& problem) {
    return std::min(problem.x[1], problem.y[1]) < 128 || !problem.operand_types.empty() ||
           problem.has_second();
}

/// All plans to try, or those to guess from, the best guess first.
std::vector<ConvPlan> candidates(const Cudnn& cudnn,
                                 const ConvProblem& problem,
                                 bool tuned,
                                 bool own) {
    std::vector<ConvPlan> plans = own ? own_plans(problem) : std::vector<ConvPlan>();
    if (!tuned && !plans.empty() && prefers_own(problem)) return plans;
    for (ConvPlan& plan : cudnn.plans(problem, tuned ? kCandidates : 1))
        plans.push_back(std::move(plan));
    if (!tuned && plans.size() > 1) std::swap(plans.front(), plans.back());
    return plans;
}

void build(const Cudnn& cudnn, Work& item, const PlanOptions& options) {
    if (item.known == kNoPlan) return;
    if (item.known.starts_with(kOwnPlan)) item.plans = own_plans(*item.problem, item.known);
    if (!item.known.empty() && item.plans.empty())
        item.plans = cudnn.plans(*item.problem, 1, item.known);
    if (!item.plans.empty()) return;
    item.known.clear();  // this cuDNN does not have it: somebody wrote it there by hand
    item.plans = candidates(cudnn, *item.problem, options.tuned, options.own);
}

void build_in_parallel(std::vector<Work>& work,
                       const PlanOptions& options,
                       int device,
                       Progress& progress) {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t built = 0;
    auto build_some = [&] {
        if (!memory::cuda::use_device(device)) return;
        auto cudnn = Cudnn::create();
        if (!cudnn) return;
        for (std::size_t i = next++; i < work.size(); i = next++) {
            const bool to_tune = work[i].known.empty();
            build(*cudnn, work[i], options);
            const std::lock_guard lock(mutex);
            if (to_tune) ++built;
        }
    };
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    std::size_t running = std::min(cores, work.size());
    std::vector<std::thread> threads;
    for (std::size_t i = running; i > 0; --i) {
        threads.emplace_back([&] {
            build_some();
            const std::lock_guard lock(mutex);
            if (--running == 0) ended.notify_one();
        });
    }
    {
        std::unique_lock lock(mutex);
        while (!ended.wait_for(lock, kBetweenReports, [&] { return running == 0; }))
            progress.reached(built);
    }
    for (std::thread& thread : threads)
        thread.join();
}

/// Keeps of the item's plans the right ones; where `tuned`, the fastest of them comes first.
Result<void> try_plans(const Cudnn& cudnn, Work& item, bool tuned, Watchdog& watchdog) {
    if (item.plans.empty()) return {};
    PlanTrial trial = SLUICE_TRY(PlanTrial::create(*item.problem, item.plans));
    std::vector<ConvPlan> right;
    float best = 0;
    for (const ConvPlan& plan : item.plans) {
        const std::string name =
            fmt::format("plan {} (cuDNN {}) for {}", plan.name(), Cudnn::version(), item.key);
        watchdog.watch(name);
        // A plan that fails is passed over as one that is wrong: others solve the problem as well.
        auto is_right = trial.is_right(cudnn, plan);
        if (auto works = trial.still_works(); !works)
            return internal_error(
                fmt::format("{} broke the device: {}", name, works.error().text()));
        if (!is_right || !*is_right) continue;
        right.push_back(plan);
        if (!tuned) break;
        watchdog.watch(name);
        auto time = trial.time(cudnn, plan);
        if (!time) {
            right.pop_back();
        } else if (right.size() == 1 || *time < best) {
            best = *time;
            std::swap(right.front(), right.back());
        }
    }
    watchdog.watch("");
    item.plans = std::move(right);
    return {};
}

/// Leaves the plan to use first in the item; none where cuDNN has none that is right.
Result<void> choose(const Cudnn& cudnn,
                    Work& item,
                    const PlanOptions& options,
                    Watchdog& watchdog) {
    const bool to_tune = options.tuned && item.known.empty();
    SLUICE_TRY(try_plans(cudnn, item, to_tune, watchdog));
    if (!item.plans.empty() || to_tune || item.known == kNoPlan) return {};
    // The one that was guessed is wrong.
    item.plans = candidates(cudnn, *item.problem, true, options.own);
    return try_plans(cudnn, item, false, watchdog);
}

std::vector<Work> work_for(const std::vector<ConvProblem>& problems,
                           const PlanNames& first,
                           const PlanNames& then) {
    std::map<std::string, Work> distinct;
    for (const ConvProblem& problem : problems) {
        const std::string key = problem.key();
        std::string known;
        for (const PlanNames* names : {&then, &first}) {
            if (const auto found = names->find(key); found != names->end()) known = found->second;
        }
        distinct[key] = {&problem, key, known, {}};
    }
    std::vector<Work> work;
    for (auto& [key, item] : distinct)
        work.push_back(std::move(item));
    return work;
}

}  // namespace

Result<std::map<std::string, ConvPlan>> choose_plans(const Cudnn& cudnn,
                                                     const std::vector<ConvProblem>& problems,
                                                     const PlanOptions& options,
                                                     int device) {
    const std::string name = SLUICE_TRY(memory::cuda::device_name(device));
    PlanCache cache(options.cache, fmt::format("{}, cuDNN {}", name, Cudnn::version()));
    std::vector<Work> work = work_for(problems, options.known, cache.names());
    const auto to_tune = static_cast<std::size_t>(std::count_if(
        work.begin(), work.end(), [](const Work& item) { return item.known.empty(); }));
    Progress progress(options.tuned ? to_tune : 0, options.progress);
    build_in_parallel(work, options, device, progress);
    Watchdog watchdog(kPatience, [&](const std::string& plan) {
        if (!options.stuck) return;
        options.stuck(
            fmt::format("{} has not ended after {} s; only the end of this process stops it",
                        plan,
                        kPatience.count()));
    });
    std::map<std::string, ConvPlan> chosen;
    std::size_t timed = 0;
    for (Work& item : work) {
        const bool timing = options.tuned && item.known.empty();
        SLUICE_TRY(choose(cudnn, item, options, watchdog));
        if (timing) {
            cache.add(item.key, item.plans.empty() ? kNoPlan : item.plans[0].name());
            progress.reached(to_tune + ++timed);
        }
        chosen[item.key] = item.plans.empty() ? ConvPlan() : item.plans[0];
        item.plans.clear();
    }
    return chosen;
}

}  // namespace sluice::infer::cuda
