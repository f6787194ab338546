#pragma once

#include <cstdint>
#include <vector>

/// What the device is told to draw on a batch of pictures. Kernels read these as they are.
namespace sluice::osd::cuda {

/// A bin is a square of this many pixels a side, worked on by one block.
inline constexpr int kBinPx = 32;

struct Target {
    std::uint8_t* pixels;  ///< luma, or all channels packed
    std::int64_t stride;   ///< bytes
    std::uint8_t* chroma[2];
    std::int64_t chroma_stride[2];
    int chroma_step;  ///< samples from one value to the next; 0: there is no chroma
    int channels;     ///< of `pixels`
    int sample_bytes;
    int width, height;
};

struct Letter {
    int left, top, width, height;
    std::uint32_t offset;  ///< of its mask in the atlas
};

struct Capsule {
    float ax, ay, bx, by, radius;
};

enum class MarkKind : std::uint8_t { kFill, kLetter, kCapsule };

/// Covers pixels of left..right, top..bottom (inside the picture). Marks of one shape follow each
/// other, share these bounds and the ink, and cover a pixel once.
struct alignas(16) Mark {
    int left, top, right, bottom;
    std::uint8_t ink[4];
    std::uint32_t shape;
    std::uint8_t alpha;
    MarkKind kind;
    std::uint16_t unused;
    union {
        Letter letter;
        Capsule capsule;
    };
};
static_assert(sizeof(Mark) == 48);

/// A bin's marks, in drawing order.
struct Bin {
    int target;
    std::int16_t column, row;
    std::uint32_t first_item, items;
};

/// Numbers of marks; the last of a shape in a bin carries kLastOfShape.
using Item = std::uint32_t;
inline constexpr Item kLastOfShape = 1U << 31;

/// A part of a blur that becomes its mean; left and top are even.
struct Square {
    int target;
    int left, top, right, bottom;
};

/// One launch: bins or squares that do not disturb each other.
struct Step {
    enum class Kind { kSquares, kBins };
    Kind kind;
    int channels;
    int sample_bytes;
    std::uint32_t first, count;
};

/// The arrays of a sheet, in whichever memory they are read.
struct SheetView {
    const Target* targets;
    const Mark* marks;
    const Item* items;
    const Bin* bins;
    const Square* squares;
    const std::uint8_t* masks;  ///< the atlas
};

struct Sheet {
    std::vector<Target> targets;
    std::vector<Mark> marks;
    std::vector<Item> items;
    std::vector<Bin> bins;
    std::vector<Square> squares;
    std::vector<Step> steps;  ///< in drawing order
};

}  // namespace sluice::osd::cuda
