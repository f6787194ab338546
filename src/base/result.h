#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "sluice/base/error.h"

namespace sluice {

/// A value or an Error. Implicit from both, so that functions just `return value;` or
/// `return not_found("...");`.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }

    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &value(); }
    T& operator*() & { return value(); }
    T&& operator*() && { return std::move(*this).value(); }

    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

    Result context(std::string_view outer) && {
        if (*this) return std::move(*this);
        return std::move(*this).error().context(outer);
    }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const { return !error_; }
    void value() const {}
    const Error& error() const& { return *error_; }
    Error&& error() && { return *std::move(error_); }

    Result context(std::string_view outer) && {
        if (*this) return std::move(*this);
        return std::move(*this).error().context(outer);
    }

private:
    std::optional<Error> error_;
};

}  // namespace sluice

/// `T x = SLUICE_TRY(f());` gives f's value or returns its Error from the enclosing function.
#define SLUICE_TRY(expression)                                               \
    __extension__({                                                          \
        auto sluice_try_result = (expression);                               \
        if (!sluice_try_result) return std::move(sluice_try_result).error(); \
        std::move(sluice_try_result).value();                                \
    })
