#pragma once

#include <map>
#include <string>

/// What was found out about plans, by the keys of what they are plans for (ConvProblem::key).
namespace sluice::infer::cuda {

using PlanNames = std::map<std::string, std::string>;

/// The name where no plan solves the problem.
inline constexpr const char* kNoPlan = "-";

/// What was timed, for all models and devices, in one file of a line each. Several processes may
/// append at once; torn lines and other devices' are passed over.
class PlanCache {
public:
    /// `device` names it with the version of cuDNN. Without a path nothing is kept.
    PlanCache(std::string path, std::string device);

    /// Of this device.
    const PlanNames& names() const { return names_; }
    /// A file that cannot be written costs time at the next start, no more: a warning, once.
    void add(const std::string& key, const std::string& name);

private:
    std::string path_;
    std::string device_;
    PlanNames names_;
    bool warned_ = false;
};

/// "sluice" in $XDG_CACHE_HOME or ~/.cache; "" where there is neither.
std::string user_cache();

/// plans.txt in it.
std::string default_plan_cache();

/// "tuning 23 of 57 layers, about 40 s left". Each layer is two units of work: its plans are built,
/// then timed.
std::string tuning_progress(std::size_t units_done, std::size_t layers, double seconds);

}  // namespace sluice::infer::cuda
