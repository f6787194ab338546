#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace sluice {

enum class LogLevel { kError, kWarning, kInfo, kDebug };

/// Where log lines go. Thread-safe. The default writes warnings and errors to standard error;
/// the roof replaces it (GStreamer's log, the live display). Never called in the frame path.
using LogSink = std::function<void(LogLevel, std::string_view room, const std::string& message)>;
void set_log_sink(LogSink sink);
void log(LogLevel level, std::string_view room, const std::string& message);

template <class... Args>
void log_info(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::kInfo, room, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::kWarning, room, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace sluice
