#pragma once

#include "sluice/image/geometry.h"
#include "sluice/image/preprocess.h"
#include "sluice/memory/image.h"

/// What the vectorised code is judged by: pixel by pixel, in double. Input is not checked.
namespace sluice::image::cpu {

/// Red, green, blue in 0..255 (not rounded) of the crop at a point given in source pixels by edges.
struct Color {
    double red;
    double green;
    double blue;
};
Color sample_rgb(const memory::ImageView& view, const Rect& crop, double x, double y);
/// One byte of a plane's sample at that point. Samples outside the crop repeat the outermost.
double sample_plane(
    const memory::ImageView& view, const Rect& crop, int plane, int channel, double x, double y);
/// Luma at full range.
double sample_gray(const memory::ImageView& view, const Rect& crop, double x, double y);

void preprocess(const memory::ImageView& view,
                const Placement& placement,
                const PreprocessPlan& plan,
                void* destination);

void scale(const memory::ImageView& source,
           const Rect& crop,
           const memory::MutableImageView& target,
           const PixelRect& where);

}  // namespace sluice::image::cpu
