#include "sluice/infer/backends/cuda/plan_choice.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "sluice/infer/backends/cuda/plan_trial.h"

namespace sluice::infer::cuda {
namespace {

/// More of cuDNN's list changed no layer's time by more than a few percent when it was tried.
constexpr std::size_t kCandidates = 8;

/// One line per problem: what it is, tab, the plan's name. Valid for one GPU and cuDNN version,
/// which the lines begin with.
class PlanCache {
public:
    PlanCache(std::string path, std::string prefix)
        : path_(std::move(path)), prefix_(std::move(prefix)) {
        std::ifstream file(path_);
        for (std::string line; std::getline(file, line);) {
            const std::size_t tab = line.find('\t');
            if (tab != std::string::npos) names_[line.substr(0, tab)] = line.substr(tab + 1);
        }
    }
    std::string find(const std::string& key) const {
        auto found = names_.find(prefix_ + key);
        return found == names_.end() ? std::string() : found->second;
    }
    void add(const std::string& key, const std::string& name) {
        if (path_.empty()) return;
        std::ofstream(path_, std::ios::app) << prefix_ << key << '\t' << name << '\n';
    }

private:
    std::string path_;
    std::string prefix_;
    std::map<std::string, std::string> names_;
};

struct Work {
    const ConvProblem* problem;
    std::string key;
    std::string known;  ///< the plan's name, from the cache
    std::vector<ConvPlan> plans;
};

void build_in_parallel(std::vector<Work>& work, bool tuned, int device) {
    std::atomic<std::size_t> next = 0;
    auto build = [&] {
        if (!memory::cuda::use_device(device)) return;
        auto cudnn = Cudnn::create();
        if (!cudnn) return;
        for (std::size_t i = next++; i < work.size(); i = next++) {
            Work& item = work[i];
            if (!item.known.empty()) item.plans = cudnn->plans(*item.problem, 1, item.known);
            if (!item.plans.empty()) continue;
            item.plans = cudnn->plans(*item.problem, tuned ? kCandidates : 1);
        }
    };
    std::vector<std::thread> threads;
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < std::min(cores, work.size()); ++i)
        threads.emplace_back(build);
    for (std::thread& thread : threads)
        thread.join();
}

std::size_t workspace_of(const std::vector<ConvPlan>& plans) {
    std::size_t bytes = 0;
    for (const ConvPlan& plan : plans)
        bytes = std::max(bytes, plan.workspace());
    return bytes;
}

/// Keeps of the item's plans the right ones; where `tuned`, the fastest of them comes first.
Result<void> try_plans(const Cudnn& cudnn, Work& item, bool tuned) {
    PlanTrial trial = SLUICE_TRY(PlanTrial::create({item.problem}, workspace_of(item.plans)));
    SLUICE_TRY(trial.prepare(*item.problem));
    std::vector<ConvPlan> right;
    float best = 0;
    for (const ConvPlan& plan : item.plans) {
        // A plan that fails is passed over as one that is wrong: others solve the problem as well.
        auto is_right = trial.is_right(cudnn, *item.problem, plan);
        if (!is_right || !*is_right) continue;
        right.push_back(plan);
        if (!tuned) break;
        auto time = trial.time(cudnn, *item.problem, plan);
        if (!time) {
            right.pop_back();
        } else if (right.size() == 1 || *time < best) {
            best = *time;
            std::swap(right.front(), right.back());
        }
    }
    item.plans = std::move(right);
    return {};
}

}  // namespace

Result<std::map<std::string, ConvPlan>> choose_plans(const Cudnn& cudnn,
                                                     const std::vector<ConvProblem>& problems,
                                                     const PlanOptions& options,
                                                     int device) {
    const std::string name = SLUICE_TRY(memory::cuda::device_name(device));
    PlanCache cache(options.cache, fmt::format("{}, cuDNN {}: ", name, Cudnn::version()));
    std::map<std::string, Work> distinct;
    for (const ConvProblem& problem : problems) {
        const std::string key = problem.key();
        distinct[key] = {&problem, key, options.tuned ? cache.find(key) : std::string(), {}};
    }
    std::vector<Work> work;
    for (auto& [key, item] : distinct)
        work.push_back(std::move(item));
    build_in_parallel(work, options.tuned, device);
    for (Work& item : work) {
        const bool known = !item.known.empty();
        SLUICE_TRY(try_plans(cudnn, item, options.tuned && !known));
        if (item.plans.empty() && !options.tuned) {
            item.plans = cudnn.plans(*item.problem, kCandidates);
            SLUICE_TRY(try_plans(cudnn, item, false));
        }
        if (options.tuned && !known && !item.plans.empty())
            cache.add(item.key, item.plans[0].name());
    }
    std::map<std::string, ConvPlan> chosen;
    for (const Work& item : work)
        chosen[item.key] = item.plans.empty() ? ConvPlan() : item.plans[0];
    return chosen;
}

}  // namespace sluice::infer::cuda
