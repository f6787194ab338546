#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// An interned string (a class label, a stage name): trivially copyable, compared by address,
/// lives as long as the process. Interning locks and may allocate: do it when loading, never per
/// frame. Meant for vocabularies of bounded size, never for free text.
class Name {
public:
    constexpr Name() = default;
    explicit Name(std::string_view text);

    std::string_view view() const { return text_ ? std::string_view(*text_) : std::string_view(); }
    bool empty() const { return view().empty(); }
    friend bool operator==(Name, Name) = default;

private:
    const std::string* text_ = nullptr;
};

}  // namespace sluice
