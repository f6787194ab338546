#include "sluice/mux/detail/place.h"

#include <algorithm>
#include <cmath>

namespace sluice::mux::detail {
namespace {

/// `length` scaled, rounded to even for the sake of subsampled chroma.
int scaled(int length, double factor) {
    return std::max(2, 2 * static_cast<int>(std::lround(length * factor / 2)));
}

}  // namespace

void place(meta::Frame& frame, const MuxOptions& options) {
    memory::Size source = frame.source_size;
    memory::Size size{options.width, options.height};
    bool known = source.width > 0 && source.height > 0;
    if (!known || (size.width <= 0 && size.height <= 0)) {
        size = source;
    } else if (size.width <= 0) {
        size.width = scaled(source.width, static_cast<double>(size.height) / source.height);
    } else if (size.height <= 0) {
        size.height = scaled(source.height, static_cast<double>(size.width) / source.width);
    }
    frame.size = size;

    memory::Size inner = size;
    if (options.enable_padding && known) {
        double across = static_cast<double>(size.width) / source.width;
        double down = static_cast<double>(size.height) / source.height;
        if (across < down) inner.height = std::min(size.height, scaled(source.height, across));
        if (down < across) inner.width = std::min(size.width, scaled(source.width, down));
    }
    // An even margin on the left and top, for the same reason.
    int left = (size.width - inner.width) / 4 * 2;
    int top = (size.height - inner.height) / 4 * 2;
    frame.content = {static_cast<float>(left),
                     static_cast<float>(top),
                     static_cast<float>(inner.width),
                     static_cast<float>(inner.height)};
}

}  // namespace sluice::mux::detail
