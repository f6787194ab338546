#include <algorithm>
#include <cmath>
#include <numeric>

#include "sluice/infer/backends/cuda/reference_detail.h"

namespace sluice::infer::cuda::reference {

void normalize(const Normalize& op, const Tensor& x, Tensor& out) {
    Shape kept = x.shape;
    for (int axis : op.axes)
        kept[at(axis)] = 1;
    const auto count = at(memory::element_count(kept));
    const auto strides = strides_of(kept, kept.size());
    const std::size_t numbers = x.data.size() / count;
    const auto length = static_cast<float>(numbers);
    Numbers mean(count, 0.0f);
    Numbers variance(count, 0.0f);
    auto visit = [&](auto&& body) {
        std::size_t next = 0;
        for_each_place(x.shape, [&](const std::vector<Index>& place) {
            body(next++, at(offset(place, strides)));
        });
    };
    visit([&](std::size_t i, std::size_t row) { mean[row] += x.data[i] / length; });
    visit([&](std::size_t i, std::size_t row) {
        const float apart = x.data[i] - mean[row];
        variance[row] += apart * apart / length;
    });
    visit([&](std::size_t i, std::size_t row) {
        out.data[i] = (x.data[i] - mean[row]) / std::sqrt(variance[row] + op.epsilon);
    });
}

void top_places(const TopK& op, const Tensor& x, Tensor& out) {
    const std::size_t axis = at(op.axis);
    const Index step = dense_strides(x.shape)[axis];
    const auto strides = dense_strides(out.shape);
    Shape rows = x.shape;
    rows[axis] = 1;
    std::vector<Index> order(at(x.shape[axis]));
    for_each_place(rows, [&](const std::vector<Index>& place) {
        const Index first = offset(place, dense_strides(x.shape));
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
            const float left = x.data[at(first + a * step)];
            const float right = x.data[at(first + b * step)];
            return op.largest ? left > right : left < right;
        });
        for (Index i = 0; i < out.shape[axis]; ++i)
            out.data[at(offset(place, strides) + i * strides[axis])] =
                static_cast<float>(order[at(i)]);
    });
}

void gather(const Gather& op, const Tensor& x, const Tensor& index, Tensor& out) {
    const auto strides = dense_strides(x.shape);
    const auto index_strides = strides_of(index.shape, out.shape.size());
    const std::size_t axis = at(op.axis);
    fill(out, [&](const std::vector<Index>& place) {
        Index at_axis = static_cast<Index>(index.data[at(offset(place, index_strides))]);
        if (at_axis < 0) at_axis += x.shape[axis];
        Index from = std::clamp<Index>(at_axis, 0, x.shape[axis] - 1) * strides[axis];
        for (std::size_t d = 0; d < place.size(); ++d) {
            if (op.from[d] >= 0) from += place[d] * strides[at(op.from[d])];
        }
        return x.data[at(from)];
    });
}

void grid_sample(const GridSample& op, const Tensor& x, const Tensor& grid, Tensor& out) {
    const Index rows = x.shape[2];
    const Index columns = x.shape[3];
    auto source = [&](float place, Index extent) {
        const auto size = static_cast<float>(extent);
        const float pixel =
            op.align_corners ? (place + 1) / 2 * (size - 1) : ((place + 1) * size - 1) / 2;
        return op.repeats_border ? std::clamp(pixel, 0.0f, size - 1) : pixel;
    };
    fill(out, [&](const std::vector<Index>& place) {
        const float* plane = &x.data[at((place[0] * x.shape[1] + place[1]) * rows * columns)];
        auto pixel = [&](float y, float column) {
            const bool inside = y >= 0 && y < static_cast<float>(rows) && column >= 0 &&
                                column < static_cast<float>(columns);
            return inside ? plane[static_cast<Index>(y) * columns + static_cast<Index>(column)]
                          : 0.0f;
        };
        const std::size_t where =
            at(((place[0] * out.shape[2] + place[2]) * out.shape[3] + place[3]) * 2);
        const float column = source(grid.data[where], columns);
        const float y = source(grid.data[where + 1], rows);
        if (!op.linear) return pixel(std::nearbyint(y), std::nearbyint(column));
        const float top = std::floor(y);
        const float left = std::floor(column);
        const float down = y - top;
        const float right = column - left;
        return (pixel(top, left) * (1 - right) + pixel(top, left + 1) * right) * (1 - down) +
               (pixel(top + 1, left) * (1 - right) + pixel(top + 1, left + 1) * right) * down;
    });
}

}  // namespace sluice::infer::cuda::reference
