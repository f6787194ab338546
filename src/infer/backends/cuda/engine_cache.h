#pragma once

#include <string>

#include "sluice/infer/backends/cuda/engine_file.h"
#include "sluice/infer/backends/cuda/file_lock.h"

/// Engine files that runs with tuned plans make for themselves, in one folder. Each belongs to a
/// path of a model, a precision, a GPU and a size of the input; what else it was made for is in it,
/// so that a stale one is found, and can say why it is.
namespace sluice::infer::cuda {

/// sluice/engines in $XDG_CACHE_HOME or ~/.cache; "" where there is neither.
std::string default_engine_cache();

/// Added to a file's name: its lock, while it is made.
inline constexpr const char* kLockEnding = ".lock";

/// The file in the folder for what is made for this.
std::string cached_engine(const std::string& folder,
                          const std::string& model,
                          const EngineMaking& made);

/// The right to make that file, waiting (and saying so) where another process or thread has it.
/// Holds nothing, after a warning, where the folder cannot be written or locked.
FileLock lock_engine(const std::string& folder, const std::string& model, const EngineMaking& made);

struct EngineWanted {
    std::string model;  ///< its path
    std::string named;  ///< the engine file that the user named, or ""
    EngineMaking making;
    std::string folder;  ///< where an engine is kept that is made now; "": nowhere
};

/// What a start takes from engine files and, where none fits, the right to make one.
class EngineClaim {
public:
    /// Looks at the file that was named, else the one beside the model, then in the folder; waits
    /// for one that another process makes. A file that does not fit is a warning that says why.
    static EngineClaim take(EngineWanted wanted);

    /// Of the file that fits, or would with more batches; none, where there is none.
    const PlanNames& plans() const { return file_.plans; }

    /// Keeps what was found out, where no file fitted, and lets others go on.
    void keep(const PlanNames& plans);

private:
    bool find();
    /// Does it fit? Where not, `misfit_` tells.
    bool fits(const Result<EngineFile>& read, const std::string& path);
    void warn(bool found) const;

    EngineWanted wanted_;
    EngineFile file_;
    std::string cached_;  ///< the folder's file; "" without a folder
    std::string misfit_;  ///< "FILE: not used: why"
    FileLock lock_;       ///< held: what is found out is to be kept
};

}  // namespace sluice::infer::cuda
