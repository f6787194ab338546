#pragma once

#include <string>
#include <string_view>

namespace sluice {

enum class ErrorCode {
    kInvalidArgument,
    kNotFound,
    kIo,
    kCorrupt,
    kUnsupported,
    kUnavailable,  ///< try again later
    kEndOfStream,
    kExhausted,
    kInternal,  ///< our own fault
};

std::string_view to_string(ErrorCode code);

/// What went wrong, in one sentence that names the thing and the nearest fix; `where` is the file
/// and line, option or stream that the message is about, empty when the message says it already.
struct [[nodiscard]] Error {
    ErrorCode code = ErrorCode::kInternal;
    std::string message;
    std::string where;

    /// The same error seen from one level up: "loading model x.onnx: no such file".
    Error context(std::string_view outer) &&;
    /// "where: message", as a user reads it.
    std::string text() const;
};

Error invalid_argument(std::string message, std::string where = {});
Error not_found(std::string message, std::string where = {});
Error io_error(std::string message, std::string where = {});
Error corrupt(std::string message, std::string where = {});
Error unsupported(std::string message, std::string where = {});
Error internal_error(std::string message, std::string where = {});

}  // namespace sluice
