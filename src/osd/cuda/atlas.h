#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "sluice/osd/text/font.h"

namespace sluice::osd::cuda {

/// Says where in a block of the device's memory each letter's mask lies. Masks seen for the first
/// time are kept here until they have been uploaded.
class Atlas {
public:
    static constexpr std::uint32_t kCapacity = 16U << 20;

    /// Where the mask lies or will lie; none when it does not fit, which does not happen to the
    /// letters of a text that was begun while the atlas was not full.
    std::optional<std::uint32_t> place(const GlyphMask& mask);
    /// May the next text not fit?
    bool full() const { return used_ > kCapacity - kMostTextBytes; }
    void clear();

    /// What is to be uploaded, and where to.
    std::span<const std::uint8_t> fresh() const { return fresh_; }
    std::uint32_t fresh_offset() const { return used_ - static_cast<std::uint32_t>(fresh_.size()); }
    void uploaded() { fresh_.clear(); }

private:
    /// One mask at its largest, or a letter each of the largest size.
    static constexpr std::uint32_t kMostTextBytes = Font::kMostMaskWidth * Font::kMostMaskHeight;
    static_assert(kMostTextBytes < kCapacity);

    std::unordered_map<std::uint64_t, std::uint32_t> offsets_;
    std::vector<std::uint8_t> fresh_;
    std::uint32_t used_ = 0;
};

}  // namespace sluice::osd::cuda
