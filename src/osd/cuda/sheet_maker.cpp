#include "sluice/osd/cuda/sheet_maker.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace sluice::osd::cuda {
namespace {

/// Enough for a batch of crowded pictures; some 30 MB.
constexpr std::size_t kMostPairs = 1U << 21;
constexpr std::size_t kMostMarks = 1U << 18;

int bins_for(int pixels) {
    return (pixels + kBinPx - 1) / kBinPx;
}

Target target_of(const memory::MutableImageView& image) {
    memory::PlaneLayout first = memory::layout(image.format).plane[0];
    Target out{};
    out.pixels = image.data[0];
    out.stride = image.stride[0];
    out.sample_bytes = image.format == memory::PixelFormat::kP010 ? 2 : 1;
    out.channels = first.bytes_per_pixel / out.sample_bytes;
    out.width = image.size.width;
    out.height = image.size.height;
    int planes = memory::layout(image.format).planes;
    if (planes == 1) return out;
    bool interleaved = planes == 2;
    out.chroma_step = interleaved ? 2 : 1;
    out.chroma[0] = image.data[1];
    out.chroma_stride[0] = image.stride[1];
    out.chroma[1] = interleaved ? image.data[1] + out.sample_bytes : image.data[2];
    out.chroma_stride[1] = interleaved ? image.stride[1] : image.stride[2];
    return out;
}

bool overlap(const PixelRect& a, const PixelRect& b) {
    return !a.cut(b).empty();
}

/// Pixels that the capsule may touch.
PixelRect around(const Capsule& c) {
    float reach = c.radius + 1;
    return {static_cast<int>(std::floor(std::min(c.ax, c.bx) - reach)),
            static_cast<int>(std::floor(std::min(c.ay, c.by) - reach)),
            static_cast<int>(std::ceil(std::max(c.ax, c.bx) + reach)),
            static_cast<int>(std::ceil(std::max(c.ay, c.by) + reach))};
}

/// A long diagonal has more bins around it than on it.
bool touches(const Capsule& c, int column, int row) {
    constexpr float kHalf = kBinPx / 2.0F;
    constexpr float kHalfDiagonal = kHalf * 1.4143F;
    float px = static_cast<float>(column * kBinPx) + kHalf - c.ax;
    float py = static_cast<float>(row * kBinPx) + kHalf - c.ay;
    float dx = c.bx - c.ax;
    float dy = c.by - c.ay;
    float square = dx * dx + dy * dy;
    float t = square > 0 ? std::clamp((px * dx + py * dy) / square, 0.0F, 1.0F) : 0;
    return std::hypot(px - t * dx, py - t * dy) <= c.radius + 1 + kHalfDiagonal;
}

}  // namespace

void SheetMaker::begin(const memory::MutableImageView& image) {
    Picture picture{image, bins_, bins_for(image.size.width), bins_for(image.size.height)};
    bins_ += static_cast<std::uint32_t>(picture.columns * picture.rows);
    pictures_.push_back(picture);
    sheet_.targets.push_back(target_of(image));
    stage_ = 0;
    inked_ = false;
    blurred_.clear();
    ink_ = make_ink(ink_color_, image.format, image.matrix, image.range);
}

bool SheetMaker::full() const {
    return pairs_ >= kMostPairs || sheet_.marks.size() >= kMostMarks || atlas_.full();
}

bool SheetMaker::has(const memory::MutableImageView& image) const {
    return std::any_of(pictures_.begin(), pictures_.end(), [&](const Picture& picture) {
        return picture.image.data[0] == image.data[0];
    });
}

void SheetMaker::clear() {
    sheet_.targets.clear();
    sheet_.marks.clear();
    sheet_.items.clear();
    sheet_.bins.clear();
    sheet_.squares.clear();
    sheet_.steps.clear();
    pictures_.clear();
    for (Stage& stage : stages_) {
        stage.pairs.clear();
        stage.squares.clear();
    }
    bins_ = 0;
    shapes_ = 0;
    pairs_ = 0;
}

Mark SheetMaker::new_shape(PixelRect where, meta::Color color) {
    if (color != ink_color_) {
        const memory::MutableImageView& image = pictures_.back().image;
        ink_ = make_ink(color, image.format, image.matrix, image.range);
        ink_color_ = color;
    }
    Mark mark{};
    mark.left = where.left;
    mark.top = where.top;
    mark.right = where.right;
    mark.bottom = where.bottom;
    std::copy(ink_.begin(), ink_.end(), mark.ink);
    mark.shape = shapes_++;
    mark.alpha = color.alpha;
    inked_ = true;
    return mark;
}

SheetMaker::Stage& SheetMaker::stage() {
    if (stages_.size() <= stage_) stages_.resize(stage_ + 1);
    return stages_[stage_];
}

void SheetMaker::add(const Mark& mark, PixelRect where) {
    if (where.empty()) return;
    const Picture& picture = pictures_.back();
    auto number = static_cast<std::uint32_t>(sheet_.marks.size());
    sheet_.marks.push_back(mark);
    std::vector<Pair>& pairs = stage().pairs;
    std::size_t before = pairs.size();
    for (int row = where.top / kBinPx; row <= (where.bottom - 1) / kBinPx; ++row) {
        for (int column = where.left / kBinPx; column <= (where.right - 1) / kBinPx; ++column) {
            if (mark.kind == MarkKind::kCapsule && !touches(mark.capsule, column, row)) continue;
            auto bin = static_cast<std::uint32_t>(row * picture.columns + column);
            pairs.push_back({picture.first_bin + bin, number});
        }
    }
    pairs_ += pairs.size() - before;
}

void SheetMaker::fill(PixelRect where, meta::Color color) {
    where = where.cut(pictures_.back().image.size);
    if (where.empty() || color.alpha == 0) return;
    Mark mark = new_shape(where, color);
    mark.kind = MarkKind::kFill;
    add(mark, where);
}

void SheetMaker::draw_line(const meta::Line& line) {
    memory::Size size = pictures_.back().image.size;
    line_segments(line, size, segments_);
    if (segments_.empty() || line.color.alpha == 0) return;
    PixelRect all{0, 0, size.width, size.height};
    Mark mark = new_shape(all, line.color);
    mark.kind = MarkKind::kCapsule;
    for (const Segment& s : segments_) {
        mark.capsule = {static_cast<float>(s.ax),
                        static_cast<float>(s.ay),
                        static_cast<float>(s.bx),
                        static_cast<float>(s.by),
                        static_cast<float>(line_radius(line))};
        add(mark, around(mark.capsule).cut(all));
    }
}

void SheetMaker::write(
    PixelRect where, int left, int top, std::span<const GlyphMask> letters, meta::Color color) {
    if (color.alpha == 0) return;
    Mark mark = new_shape(where, color);
    mark.kind = MarkKind::kLetter;
    for (const GlyphMask& letter : letters) {
        std::optional<std::uint32_t> offset = atlas_.place(letter);
        if (!offset) continue;
        int x = left + letter.left;
        int y = top + letter.top;
        mark.letter = {x, y, letter.width, letter.height, *offset};
        add(mark, where.cut({x, y, x + letter.width, y + letter.height}));
    }
}

void SheetMaker::pixelate(PixelRect where) {
    where = where.cut(pictures_.back().image.size);
    if (where.empty()) return;
    BlurSquares squares = blur_squares(where);
    where = squares.where;
    open_stage(where);
    auto target = static_cast<int>(pictures_.size()) - 1;
    std::vector<Square>& out = stage().squares;
    std::size_t before = out.size();
    for (int y = where.top; y < where.bottom; y += squares.side) {
        for (int x = where.left; x < where.right; x += squares.side) {
            out.push_back({target,
                           x,
                           y,
                           std::min(x + squares.side, where.right),
                           std::min(y + squares.side, where.bottom)});
        }
    }
    pairs_ += out.size() - before;
}

void SheetMaker::open_stage(PixelRect blurred) {
    // The last chroma samples stand for one pixel more.
    blurred.right += blurred.right & 1;
    blurred.bottom += blurred.bottom & 1;
    bool disturbed =
        inked_ || std::any_of(blurred_.begin(), blurred_.end(), [&](const PixelRect& other) {
            return overlap(other, blurred);
        });
    if (disturbed) {
        ++stage_;
        inked_ = false;
        blurred_.clear();
    }
    blurred_.push_back(blurred);
}

/// Number `at` of bins or squares joins the launch before it, where that is of its kind.
void SheetMaker::add_step(Step::Kind kind, int target, std::size_t first_step, std::size_t at) {
    const Target& t = sheet_.targets[static_cast<std::size_t>(target)];
    if (sheet_.steps.size() > first_step) {
        Step& last = sheet_.steps.back();
        bool same =
            last.kind == kind && last.channels == t.channels && last.sample_bytes == t.sample_bytes;
        if (same) {
            ++last.count;
            return;
        }
    }
    sheet_.steps.push_back({kind, t.channels, t.sample_bytes, static_cast<std::uint32_t>(at), 1});
}

const Sheet& SheetMaker::finish() {
    for (const Stage& stage : stages_) {
        std::size_t first_step = sheet_.steps.size();
        for (const Square& square : stage.squares) {
            add_step(Step::Kind::kSquares, square.target, first_step, sheet_.squares.size());
            sheet_.squares.push_back(square);
        }
        sort_bins(stage, first_step);
    }
    return sheet_;
}

/// Counting sort, which keeps the order of a bin's marks.
void SheetMaker::sort_bins(const Stage& stage, std::size_t first_step) {
    if (stage.pairs.empty()) return;
    ends_.assign(bins_, 0);
    for (const Pair& pair : stage.pairs)
        ++ends_[pair.bin];
    std::size_t first_bin = sheet_.bins.size();
    auto at = static_cast<std::uint32_t>(sheet_.items.size());
    std::uint32_t number = 0;
    for (std::size_t target = 0; target < pictures_.size(); ++target) {
        const Picture& picture = pictures_[target];
        for (int i = 0; i < picture.columns * picture.rows; ++i, ++number) {
            std::uint32_t count = ends_[number];
            ends_[number] = at;
            if (count == 0) continue;
            add_step(Step::Kind::kBins, static_cast<int>(target), first_step, sheet_.bins.size());
            sheet_.bins.push_back({static_cast<int>(target),
                                   static_cast<std::int16_t>(i % picture.columns),
                                   static_cast<std::int16_t>(i / picture.columns),
                                   at,
                                   count});
            at += count;
        }
    }
    sheet_.items.resize(at);
    for (const Pair& pair : stage.pairs)
        sheet_.items[ends_[pair.bin]++] = pair.mark;
    for (std::size_t i = first_bin; i < sheet_.bins.size(); ++i)
        mark_last_of_shapes(sheet_.bins[i]);
}

void SheetMaker::mark_last_of_shapes(const Bin& bin) {
    Item* items = sheet_.items.data() + bin.first_item;
    for (std::uint32_t i = 0; i < bin.items; ++i) {
        bool last =
            i + 1 == bin.items || sheet_.marks[items[i]].shape != sheet_.marks[items[i + 1]].shape;
        if (last) items[i] |= kLastOfShape;
    }
}

}  // namespace sluice::osd::cuda
