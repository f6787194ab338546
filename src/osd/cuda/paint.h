#pragma once

#include <cmath>
#include <cstdint>

#include "sluice/osd/cuda/sheet.h"

#ifdef __CUDACC__
#define SLUICE_HOST_DEVICE __host__ __device__
#else
#define SLUICE_HOST_DEVICE
#endif

/// How a sheet becomes pixels, one thread's part each. The kernels call these, and so do the tests
/// of machines without a device. The arithmetic is Canvas's.
namespace sluice::osd::cuda {

/// (ink * alpha + old * (255 - alpha)) / 255, rounded.
SLUICE_HOST_DEVICE inline unsigned mix(unsigned old, unsigned ink, unsigned alpha) {
    return (ink * alpha + old * (255U - alpha) + 127U) / 255U;
}

/// Ten bits lie in the high ones of sixteen; the low ones stay zero.
template <class Sample>
SLUICE_HOST_DEVICE Sample to_sample(unsigned long long value) {
    return static_cast<Sample>(sizeof(Sample) == 2 ? value & 0xffc0U : value);
}

/// How much of the pixel the mark covers, 0..255.
SLUICE_HOST_DEVICE inline unsigned coverage(const Mark& mark,
                                            const std::uint8_t* masks,
                                            int x,
                                            int y) {
    if (x < mark.left || x >= mark.right || y < mark.top || y >= mark.bottom) return 0;
    if (mark.kind == MarkKind::kFill) return 255;
    if (mark.kind == MarkKind::kLetter) {
        const Letter& letter = mark.letter;
        const int column = x - letter.left;
        const int row = y - letter.top;
        if (column < 0 || column >= letter.width || row < 0 || row >= letter.height) return 0;
        return masks[letter.offset + static_cast<unsigned>(row * letter.width + column)];
    }
    const Capsule& c = mark.capsule;
    const float px = static_cast<float>(x) + 0.5F - c.ax;
    const float py = static_cast<float>(y) + 0.5F - c.ay;
    const float dx = c.bx - c.ax;
    const float dy = c.by - c.ay;
    const float square = dx * dx + dy * dy;
    float t = square > 0 ? (px * dx + py * dy) / square : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    const float ox = px - t * dx;
    const float oy = py - t * dy;
    const float part = c.radius + 0.5F - sqrtf(ox * ox + oy * oy);
    if (part <= 0) return 0;
    return static_cast<unsigned>((part > 1 ? 1 : part) * 255 + 0.5F);
}

/// Two by two pixels and the chroma that they share.
template <class Sample, int kChannels>
struct Quad {
    unsigned pixel[4][kChannels];
    unsigned chroma[2];
};

/// Where a quad's pixels lie. Those beyond an odd picture's edge repeat the last ones, for they
/// count twice in its chroma.
template <class Sample, int kChannels>
class QuadPlace {
public:
    SLUICE_HOST_DEVICE QuadPlace(const Target& target, int x, int y)
        : target_(target),
          x_{x, x + 1 < target.width ? x + 1 : x},
          y_{y, y + 1 < target.height ? y + 1 : y} {}

    SLUICE_HOST_DEVICE int x(int i) const { return x_[i & 1]; }
    SLUICE_HOST_DEVICE int y(int i) const { return y_[i >> 1]; }

    SLUICE_HOST_DEVICE void load(Quad<Sample, kChannels>& quad) const {
        for (int i = 0; i < 4; ++i) {
            for (int c = 0; c < kChannels; ++c)
                quad.pixel[i][c] = pixel(i)[c];
        }
        if (target_.chroma_step == 0) return;
        for (int c = 0; c < 2; ++c)
            quad.chroma[c] = *chroma(c);
    }
    SLUICE_HOST_DEVICE void store(const Quad<Sample, kChannels>& quad) const {
        for (int i = 0; i < 4; ++i) {
            for (int c = 0; c < kChannels; ++c)
                pixel(i)[c] = to_sample<Sample>(quad.pixel[i][c]);
        }
        if (target_.chroma_step == 0) return;
        for (int c = 0; c < 2; ++c)
            *chroma(c) = to_sample<Sample>(quad.chroma[c]);
    }

private:
    SLUICE_HOST_DEVICE Sample* pixel(int i) const {
        return reinterpret_cast<Sample*>(target_.pixels + y(i) * target_.stride) + x(i) * kChannels;
    }
    SLUICE_HOST_DEVICE Sample* chroma(int c) const {
        return reinterpret_cast<Sample*>(target_.chroma[c] +
                                         (y_[0] >> 1) * target_.chroma_stride[c]) +
               (x_[0] >> 1) * target_.chroma_step;
    }

    const Target& target_;
    int x_[2];
    int y_[2];
};

/// Puts ink onto the quad whose upper row is `y`.
template <class Sample, int kChannels>
SLUICE_HOST_DEVICE void blend(const Mark& mark,
                              const unsigned (&covered)[4],
                              int y,
                              int lower_y,
                              Quad<Sample, kChannels>& quad) {
    constexpr unsigned kScale = sizeof(Sample) == 2 ? 256 : 1;
    for (int i = 0; i < 4; ++i) {
        const unsigned part = mix(0, covered[i], mark.alpha);
        for (int c = 0; c < kChannels; ++c)
            quad.pixel[i][c] = mix(quad.pixel[i][c], mark.ink[c] * kScale, part);
    }
    if (kChannels != 1) return;
    // A row alone gives the chroma half of the ink.
    const bool has_upper = y >= mark.top && y < mark.bottom;
    const bool has_lower = lower_y >= mark.top && lower_y < mark.bottom;
    const unsigned upper = covered[0] + covered[1];
    const unsigned lower = covered[2] + covered[3];
    const unsigned mean = ((has_upper ? upper : lower) + (has_lower ? lower : upper) + 2) / 4;
    const unsigned alpha = has_upper && has_lower ? mark.alpha : (mark.alpha + 1U) / 2;
    const unsigned part = mix(0, mean, alpha);
    for (int c = 0; c < 2; ++c)
        quad.chroma[c] = mix(quad.chroma[c], mark.ink[c + 1] * kScale, part);
}

/// Draws a bin's marks on its quad in that column and row. What no mark covers is neither read nor
/// written.
template <class Sample, int kChannels>
SLUICE_HOST_DEVICE void paint_quad(const SheetView& sheet, const Bin& bin, int column, int row) {
    const Target& target = sheet.targets[bin.target];
    const int x = bin.column * kBinPx + 2 * column;
    const int y = bin.row * kBinPx + 2 * row;
    if (x >= target.width || y >= target.height) return;
    const QuadPlace<Sample, kChannels> place(target, x, y);
    Quad<Sample, kChannels> quad{};
    bool touched = false;
    unsigned covered[4] = {};
    for (unsigned i = 0; i < bin.items; ++i) {
        const Item item = sheet.items[bin.first_item + i];
        const Mark& mark = sheet.marks[item & ~kLastOfShape];
        for (int p = 0; p < 4; ++p) {
            const unsigned more = coverage(mark, sheet.masks, place.x(p), place.y(p));
            covered[p] = more > covered[p] ? more : covered[p];
        }
        if ((item & kLastOfShape) == 0) continue;
        if ((covered[0] | covered[1] | covered[2] | covered[3]) == 0) continue;
        if (!touched) place.load(quad);
        touched = true;
        blend(mark, covered, y, place.y(2), quad);
        for (unsigned& c : covered)
            c = 0;
    }
    if (touched) place.store(quad);
}

/// One channel of the samples under a square.
template <class Sample>
struct SquareChannel {
    std::uint8_t* first;
    std::int64_t stride;  ///< bytes
    int step;             ///< samples
    int width, height;

    SLUICE_HOST_DEVICE Sample& at(int i) const {
        auto* row = reinterpret_cast<Sample*>(first + i / width * stride);
        return row[i % width * step];
    }
    SLUICE_HOST_DEVICE int count() const { return width * height; }
};

SLUICE_HOST_DEVICE inline int channel_count(const Target& target) {
    return target.channels + (target.chroma_step != 0 ? 2 : 0);
}

template <class Sample>
SLUICE_HOST_DEVICE SquareChannel<Sample> channel_of(const Target& target,
                                                    const Square& square,
                                                    int index) {
    if (index < target.channels) {
        std::uint8_t* row = target.pixels + square.top * target.stride;
        auto* first = reinterpret_cast<Sample*>(row) + square.left * target.channels + index;
        return {reinterpret_cast<std::uint8_t*>(first),
                target.stride,
                target.channels,
                square.right - square.left,
                square.bottom - square.top};
    }
    const int c = index - target.channels;
    std::uint8_t* row = target.chroma[c] + square.top / 2 * target.chroma_stride[c];
    auto* first = reinterpret_cast<Sample*>(row) + square.left / 2 * target.chroma_step;
    return {reinterpret_cast<std::uint8_t*>(first),
            target.chroma_stride[c],
            target.chroma_step,
            (square.right + 1) / 2 - square.left / 2,
            (square.bottom + 1) / 2 - square.top / 2};
}

}  // namespace sluice::osd::cuda
