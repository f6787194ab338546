#pragma once

#include <cstdint>
#include <vector>

namespace sluice::image::detail {

/// How many int16 a row buffer holds beyond its samples, so that vectors may run over its end.
inline constexpr int kRowPadding = 64;

/// One dimension of a bilinear grid, in the samples of one plane: output i mixes source samples
/// first + index[i] and the one after it, the latter with weight[i] / 32768.
struct Axis {
    int first = 0;
    int span = 0;         ///< source samples touched, from `first` on
    int last = 0;         ///< the highest sample that may be touched, for "the one after it"
    bool direct = false;  ///< output i is exactly source sample first + i
    std::vector<std::int32_t> index;
    std::vector<std::int16_t> weight;
};

/// The same as arithmetic: output i lies at (at + i * step) / 2^32 samples, within low and last.
struct AxisLine {
    std::int64_t at = 0;
    std::int64_t step = 0;
    int low = 0;
    int last = 0;
};

/// What part of a picture's dimension goes to how many outputs. Shifts are the subsampling of the
/// source plane and of the output grid.
struct AxisPlan {
    double start = 0;   ///< of the crop, in source pixels
    double extent = 0;  ///< of the crop
    int outputs = 0;    ///< that the extent becomes, before output_shift
    int source_size = 0;
    int source_shift = 0;
    int output_shift = 0;
};

AxisLine axis_line(const AxisPlan& plan);

/// Half-pixel centres; beyond the crop's outermost samples those repeat (as OpenCV's INTER_LINEAR).
void build_axis(const AxisPlan& plan, Axis& axis);

}  // namespace sluice::image::detail
