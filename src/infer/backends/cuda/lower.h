#pragma once

#include "sluice/infer/backends/cuda/arena.h"
#include "sluice/infer/backends/cuda/grid.h"
#include "sluice/infer/backends/cuda/view.h"

namespace sluice::infer::cuda {

struct Storage {
    enum class Place {
        kArena,     ///< shared over time with others
        kKept,      ///< its own, zero at the start: writers leave gaps that readers read
        kInput,     ///< of the graph, as the pre-processing writes it
        kOutput,    ///< of the graph, fp32, row-major
        kConstant,  ///< fp32, row-major
    };
    Place place = Place::kArena;
    memory::ElementType type = memory::ElementType::kF32;
    std::int64_t elements = 0;
    ValueId value = -1;  ///< of inputs, outputs and constants
    Grid grid{};         ///< of kI8
};

struct Step {
    int node = -1;  ///< of the program's graph
    std::vector<View> inputs;
    View output;
};

/// A graph with a place for every value, in an order to run. Four-dimensional values are stored
/// pixel by pixel, their channels padded to 8 (16 where they are of 8 bits); what a concatenation
/// joins is written into its place.
struct Program {
    Graph graph;  ///< with the copies that were needed
    memory::ElementType type = memory::ElementType::kF16;
    std::vector<Storage> storages;
    std::vector<Step> steps;

    const Node& node(const Step& step) const {
        return graph.nodes[static_cast<std::size_t>(step.node)];
    }
    const Storage& storage(const View& view) const {
        return storages[static_cast<std::size_t>(view.storage)];
    }
};

/// `type` is what activations are stored in: kF16 or kF32. With `int8`, those that a convolution
/// can read in 8 bits (find_grids) are kI8, and it computes so.
Program lower(Graph graph, memory::ElementType type, bool int8 = false);

/// The blocks of the arena for storages of that place, in their order.
std::vector<Block> arena_blocks(const Program& program);

bool is_depthwise(const Conv& conv);

/// The node's convolution where the matrix units compute it, which is all but depthwise ones; else
/// null.
const Conv* matrix_conv(const Node& node);

/// Channels, rounded up to what the matrix units want.
std::int64_t padded_channels(std::int64_t channels, memory::ElementType type);

/// Can a convolution (not a depthwise one) read or write there?
bool fits_matrix_units(const Program& program, const View& view);

}  // namespace sluice::infer::cuda
