#include "sluice/base/error.h"

#include <utility>

namespace sluice {

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument:
            return "invalid argument";
        case ErrorCode::kNotFound:
            return "not found";
        case ErrorCode::kIo:
            return "input/output";
        case ErrorCode::kCorrupt:
            return "corrupt";
        case ErrorCode::kUnsupported:
            return "unsupported";
        case ErrorCode::kUnavailable:
            return "unavailable";
        case ErrorCode::kEndOfStream:
            return "end of stream";
        case ErrorCode::kExhausted:
            return "exhausted";
        case ErrorCode::kInternal:
            return "internal";
    }
    return "unknown";
}

Error Error::context(std::string_view outer) && {
    message = std::string(outer) + ": " + message;
    return std::move(*this);
}

std::string Error::text() const {
    return where.empty() ? message : where + ": " + message;
}

Error invalid_argument(std::string message, std::string where) {
    return {ErrorCode::kInvalidArgument, std::move(message), std::move(where)};
}
Error not_found(std::string message, std::string where) {
    return {ErrorCode::kNotFound, std::move(message), std::move(where)};
}
Error io_error(std::string message, std::string where) {
    return {ErrorCode::kIo, std::move(message), std::move(where)};
}
Error corrupt(std::string message, std::string where) {
    return {ErrorCode::kCorrupt, std::move(message), std::move(where)};
}
Error unsupported(std::string message, std::string where) {
    return {ErrorCode::kUnsupported, std::move(message), std::move(where)};
}
Error internal_error(std::string message, std::string where) {
    return {ErrorCode::kInternal, std::move(message), std::move(where)};
}

}  // namespace sluice
