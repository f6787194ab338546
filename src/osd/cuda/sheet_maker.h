#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sluice/osd/cuda/atlas.h"
#include "sluice/osd/cuda/sheet.h"
#include "sluice/osd/ink.h"
#include "sluice/osd/segments.h"
#include "sluice/osd/shapes.h"

namespace sluice::osd::cuda {

/// Collects what is drawn on a batch of pictures and sorts it into bins. No device is needed.
///
/// A blur reads what was drawn before it: it opens a new stage, unless nothing of its picture in
/// this stage lies below it. Stages are drawn one after another, squares before bins.
class SheetMaker final : public Brush {
public:
    explicit SheetMaker(Atlas& atlas) : atlas_(atlas) {}

    /// What is drawn from here on is drawn on this picture. One picture begins once a sheet.
    void begin(const memory::MutableImageView& image);
    /// Is it time to finish? Bounds the memory that a sheet takes.
    bool full() const;
    bool empty() const { return pairs_ == 0; }
    /// Has the picture been begun?
    bool has(const memory::MutableImageView& image) const;

    /// Valid until the next call of anything.
    const Sheet& finish();
    void clear();

    void fill(PixelRect where, meta::Color color) override;
    void pixelate(PixelRect where) override;
    void draw_line(const meta::Line& line) override;
    void write(PixelRect where,
               int left,
               int top,
               std::span<const GlyphMask> letters,
               meta::Color color) override;

private:
    /// A mark lies in a bin (counted over all pictures).
    struct Pair {
        std::uint32_t bin;
        std::uint32_t mark;
    };
    struct Stage {
        std::vector<Pair> pairs;
        std::vector<Square> squares;
    };
    struct Picture {
        memory::MutableImageView image;
        std::uint32_t first_bin;
        int columns, rows;
    };

    Mark new_shape(PixelRect where, meta::Color color);
    Stage& stage();
    /// Adds the mark to the bins of `where`.
    void add(const Mark& mark, PixelRect where);
    void open_stage(PixelRect blurred);
    void add_step(Step::Kind kind, int target, std::size_t first_step, std::size_t at);
    void sort_bins(const Stage& stage, std::size_t first_step);
    void mark_last_of_shapes(const Bin& bin);

    Atlas& atlas_;
    Sheet sheet_;
    std::vector<Picture> pictures_;
    std::vector<Stage> stages_;
    std::size_t stage_ = 0;           ///< the present picture's
    bool inked_ = false;              ///< has the picture got marks in this stage?
    std::vector<PixelRect> blurred_;  ///< the picture's blurs in this stage
    std::uint32_t bins_ = 0;          ///< of all pictures
    std::uint32_t shapes_ = 0;
    std::size_t pairs_ = 0;  ///< and squares, of all stages
    meta::Color ink_color_;
    Ink ink_{};
    std::vector<Segment> segments_;
    std::vector<std::uint32_t> ends_;  ///< of each bin's items
};

}  // namespace sluice::osd::cuda
