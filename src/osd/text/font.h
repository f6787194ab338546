#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/memory/image.h"

namespace sluice::osd {

/// How much of each pixel ink covers (0..255), at a place relative to the text's top-left corner.
struct GlyphMask {
    int left = 0;
    int top = 0;
    int width = 0;
    int height = 0;
    const std::uint8_t* coverage = nullptr;  ///< rows of `width` bytes
    std::uint64_t id = 0;                    ///< the mask's own: its Font gives no number twice
};

/// Shapes and rasterises text (Pango, Cairo) and keeps the masks: a printable ASCII text is put
/// together from single letters, so that changing numbers cost nothing; any other text is shaped
/// and kept as a whole. Both caches are bounded. Reentrant.
class Font {
public:
    static constexpr int kLeastPx = 6;
    static constexpr int kMostPx = 200;
    static constexpr std::size_t kMostTextBytes = 1024;  ///< the rest of a longer text is cut
    // A mask's bounds: no frame is wider, and 1024 bytes of text fill no more lines than that.
    static constexpr int kMostMaskWidth = 8192;
    static constexpr int kMostMaskHeight = 1024;
    static constexpr std::size_t kMostSizes = 8;
    static constexpr std::size_t kMostTexts = 256;
    static constexpr std::size_t kMostTextMaskBytes = 16U << 20;

    /// `name` as Pango reads it ("Sans Bold"); the nearest font is taken for one that is missing.
    /// Fails with kNotFound where no font at all is installed.
    static Result<std::unique_ptr<Font>> create(const std::string& name);
    ~Font();
    Font(const Font&) = delete;
    Font& operator=(const Font&) = delete;

    /// Replaces `masks` by those of the text, valid until the next call; gives its extent with
    /// ascent, descent and advance. `px` outside kLeastPx..kMostPx is clamped. Never fails: broken
    /// UTF-8 shows as replacement characters.
    memory::Size lay_out(std::string_view text, int px, std::vector<GlyphMask>& masks);

    std::size_t cached_sizes() const;
    std::size_t cached_texts() const;

private:
    struct State;
    explicit Font(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sluice::osd
