#include "sluice/infer/backends/cuda/view.h"

namespace sluice::infer::cuda {

View dense_view(int storage, const Shape& extents) {
    View view{storage, 0, extents, std::vector<std::int64_t>(extents.size(), 1)};
    for (std::size_t i = extents.size(); i-- > 1;)
        view.strides[i - 1] = view.strides[i] * extents[i];
    return view;
}

View image_view(int storage, const Shape& extents, std::int64_t pitch) {
    const std::int64_t row = extents[3] * pitch;
    return {storage, 0, extents, {extents[2] * row, 1, row, pitch}};
}

std::optional<View> reshaped(const View& view, const Shape& extents) {
    View result{view.storage, view.offset, extents, std::vector<std::int64_t>(extents.size(), 1)};
    // From the innermost outwards: runs of old dimensions that follow each other without a gap are
    // one dimension, and new ones are cut out of it.
    std::size_t next = extents.size();
    std::size_t d = view.extents.size();
    while (d > 0) {
        std::int64_t run = view.extents[d - 1];
        std::int64_t stride = view.strides[d - 1];
        --d;
        if (run == 1) continue;
        while (d > 0 && (view.extents[d - 1] == 1 || view.strides[d - 1] == stride * run)) {
            run *= view.extents[d - 1];
            --d;
        }
        while (next > 0 && (run > 1 || extents[next - 1] == 1)) {
            const std::int64_t extent = extents[next - 1];
            if (run % extent != 0) return std::nullopt;
            result.strides[next - 1] = stride;
            stride *= extent;
            run /= extent;
            --next;
        }
        if (run > 1) return std::nullopt;
    }
    return result;
}

View transposed(const View& view, const std::vector<int>& order) {
    View result{view.storage, view.offset, {}, {}};
    for (int dimension : order) {
        result.extents.push_back(view.extents[static_cast<std::size_t>(dimension)]);
        result.strides.push_back(view.strides[static_cast<std::size_t>(dimension)]);
    }
    return result;
}

View untransposed(const View& view, const std::vector<int>& order) {
    View result = view;
    for (std::size_t i = 0; i < order.size(); ++i) {
        result.extents[static_cast<std::size_t>(order[i])] = view.extents[i];
        result.strides[static_cast<std::size_t>(order[i])] = view.strides[i];
    }
    return result;
}

View sliced(const View& view, const Slice& slice, const Shape& extents) {
    View result = view;
    result.extents = extents;
    for (std::size_t i = 0; i < extents.size(); ++i) {
        result.offset += slice.begin[i] * view.strides[i];
        result.strides[i] *= slice.step[i];
    }
    return result;
}

View spread_to(const View& view, const Shape& extents) {
    View result{view.storage, view.offset, extents, std::vector<std::int64_t>(extents.size(), 0)};
    const std::size_t lead = extents.size() - view.extents.size();
    for (std::size_t i = 0; i < view.extents.size(); ++i) {
        if (view.extents[i] != 1 || extents[lead + i] == 1)
            result.strides[lead + i] = view.strides[i];
    }
    return result;
}

}  // namespace sluice::infer::cuda
