#include "sluice/base/log.h"

#include <cstdio>
#include <memory>

#include "sluice/base/mutex.h"

namespace sluice {
namespace {

void write_to_stderr(LogLevel level, std::string_view room, const std::string& message) {
    if (level > LogLevel::kWarning) return;
    fmt::print(
        stderr, "{}: {}: {}\n", level == LogLevel::kError ? "error" : "warning", room, message);
}

struct Sink {
    Mutex mutex;
    std::shared_ptr<LogSink> sink SLUICE_GUARDED_BY(mutex) =
        std::make_shared<LogSink>(write_to_stderr);
};

Sink& global_sink() {
    static Sink& sink = *new Sink;
    return sink;
}

}  // namespace

void set_log_sink(LogSink sink) {
    auto next = std::make_shared<LogSink>(sink ? std::move(sink) : LogSink(write_to_stderr));
    MutexLock lock(global_sink().mutex);
    global_sink().sink = std::move(next);
}

void log(LogLevel level, std::string_view room, const std::string& message) {
    std::shared_ptr<LogSink> sink;
    {
        MutexLock lock(global_sink().mutex);
        sink = global_sink().sink;
    }
    (*sink)(level, room, message);
}

}  // namespace sluice
