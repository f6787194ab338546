#pragma once

#include <vector>

#include "sluice/infer/backends/cuda/graph.h"

/// What the reference's operators are written with.
namespace sluice::infer::cuda::reference {

using Numbers = std::vector<float>;
using Index = std::int64_t;

struct Tensor {
    Shape shape;
    Numbers data;
};

inline std::size_t at(Index index) {
    return static_cast<std::size_t>(index);
}

/// Row-major distance between neighbours of each dimension; 0 where a tensor of `shape` spreads
/// over one of `rank` dimensions.
inline std::vector<Index> strides_of(const Shape& shape, std::size_t rank) {
    std::vector<Index> strides(rank, 0);
    Index stride = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        if (shape[i] != 1) strides[rank - shape.size() + i] = stride;
        stride *= shape[i];
    }
    return strides;
}

/// Calls body(place) for every place of a tensor of this shape, in row-major order.
template <class Body>
void for_each_place(const Shape& shape, Body&& body) {
    std::vector<Index> place(shape.size(), 0);
    const Index count = memory::element_count(shape);
    for (Index i = 0; i < count; ++i) {
        body(place);
        for (std::size_t d = shape.size(); d-- > 0;) {
            if (++place[d] < shape[d]) break;
            place[d] = 0;
        }
    }
}

inline Index offset(const std::vector<Index>& place, const std::vector<Index>& strides) {
    Index sum = 0;
    for (std::size_t i = 0; i < place.size(); ++i)
        sum += place[i] * strides[i];
    return sum;
}

/// Strides as they are, also of extents of 1.
inline std::vector<Index> dense_strides(const Shape& shape) {
    std::vector<Index> strides(shape.size(), 1);
    for (std::size_t i = shape.size(); i-- > 1;)
        strides[i - 1] = strides[i] * shape[i];
    return strides;
}

template <class Value>
void fill(Tensor& out, Value&& value) {
    std::size_t next = 0;
    for_each_place(out.shape,
                   [&](const std::vector<Index>& place) { out.data[next++] = value(place); });
}

// Operators of reference_index.cpp.
void normalize(const Normalize& op, const Tensor& x, Tensor& out);
void top_places(const TopK& op, const Tensor& x, Tensor& out);
void gather(const Gather& op, const Tensor& x, const Tensor& index, Tensor& out);
void grid_sample(const GridSample& op, const Tensor& x, const Tensor& grid, Tensor& out);

}  // namespace sluice::infer::cuda::reference
