#include "sluice/infer/backends/cuda/head_match.h"

#include <algorithm>

namespace sluice::infer::cuda {
namespace {

using memory::ElementType;

bool is_of_single_places(const Conv& conv) {
    const Window& window = conv.window;
    const Pair none{0, 0};
    return conv.groups == 1 && window.kernel == Pair{1, 1} && window.stride == Pair{1, 1} &&
           window.pad_begin == none && window.pad_end == none;
}

/// At most a sigmoid follows.
bool fits(const Node& node) {
    const auto* conv = std::get_if<Conv>(&node.op);
    if (conv == nullptr || !is_of_single_places(*conv) || node.inputs.size() != 1) return false;
    return node.steps.empty() || (node.steps.size() == 1 && node.steps[0].input < 0 &&
                                  node.steps[0].op == PointOp::kSigmoid);
}

/// Does one row of places follow the other?
bool is_regular(const View& view) {
    return view.extents[2] == 1 || view.extents[3] == 1 ||
           view.strides[2] == view.strides[3] * view.extents[3];
}

/// From one place to the next, where one row follows the other.
int place_stride(const View& view) {
    return static_cast<int>(view.extents[3] > 1 ? view.strides[3] : view.strides[2]);
}

/// The only step that reads the storage of the view; 0 where there are more, or none.
std::size_t only_reader(const Program& program, const View& view) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        for (const View& input : program.steps[i].inputs) {
            if (input.storage != view.storage) continue;
            if (found != 0 || input != view) return 0;
            found = i;
        }
    }
    return found;
}

/// Copies, and into an output of the graph: unlike the arena it is nobody else's before.
bool copies_out(const Program& program, const Step& step) {
    const Node& node = program.node(step);
    const View& to = step.output;
    const Storage& storage = program.storage(to);
    return node.is<Pointwise>() && node.steps.empty() && step.inputs.size() == 1 &&
           storage.place == Storage::Place::kOutput && storage.type == ElementType::kF32 &&
           to.extents == step.inputs[0].extents && (to.extents[1] == 1 || to.strides[1] == 1) &&
           is_regular(to);
}

/// One convolution that is copied into rows.
struct Column {
    HeadPart part;
    std::size_t conv = 0;
    std::size_t copy = 0;
    View y;  ///< what the copy writes

    int y_place() const { return place_stride(y); }
    std::int64_t row() const { return y.offset / y_place(); }
    std::int64_t first() const { return y.offset % y_place(); }
};

std::optional<Column> column_of(const Program& program, std::size_t index) {
    const Step& step = program.steps[index];
    if (program.type != ElementType::kF16 || !fits(program.node(step))) return {};
    const View& x = step.inputs[0];
    if (!fits_matrix_units(program, x) || program.storage(x).type != ElementType::kF16 ||
        !is_regular(x) || program.storage(step.output).place != Storage::Place::kArena)
        return {};
    const std::size_t copy = only_reader(program, step.output);
    if (copy <= index || !copies_out(program, program.steps[copy])) return {};

    Column column{{}, index, copy, program.steps[copy].output};
    HeadPart& part = column.part;
    part.channels = static_cast<int>(padded_channels(x.extents[1], ElementType::kF16));
    part.outputs = static_cast<int>(column.y.extents[1]);
    part.sigmoid = !program.node(step).steps.empty();
    if (part.channels % 32 != 0 || part.channels > kMostHeadChannels ||
        part.outputs > kMostHeadOutputs)
        return {};
    part.x_place = place_stride(x);
    part.x_image = static_cast<int>(x.strides[0]);
    return column;
}

bool fill_same_rows(const Column& a, const Column& b) {
    return a.y.storage == b.y.storage && a.y.extents[0] == b.y.extents[0] &&
           a.y.extents[2] * a.y.extents[3] == b.y.extents[2] * b.y.extents[3] &&
           a.y.strides[0] == b.y.strides[0] && a.y_place() == b.y_place() && a.row() == b.row();
}

/// As they are written; whether each begins where the one before ends.
bool put_in_order(std::vector<Column>& columns) {
    std::sort(columns.begin(), columns.end(), [](const Column& a, const Column& b) {
        return a.first() < b.first();
    });
    for (std::size_t i = 1; i < columns.size(); ++i) {
        const Column& before = columns[i - 1];
        if (before.first() + before.part.outputs != columns[i].first()) return false;
    }
    return true;
}

CopiedHead joined(const std::vector<Column>& columns) {
    CopiedHead head;
    const View& y = columns[0].y;
    head.conv.images = static_cast<int>(y.extents[0]);
    head.conv.places = static_cast<int>(y.extents[2] * y.extents[3]);
    head.conv.y_place = columns[0].y_place();
    head.conv.y_image = static_cast<int>(y.strides[0]);
    head.conv.parts = static_cast<int>(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        head.conv.part[i] = columns[i].part;
        head.convs.push_back(columns[i].conv);
        head.copies.push_back(columns[i].copy);
    }
    return head;
}

}  // namespace

std::optional<CopiedHead> head_of(const Program& program, std::size_t index) {
    const auto alone = column_of(program, index);
    if (!alone) return {};
    std::vector<Column> columns{*alone};
    while (columns.size() < kMostHeadParts && index + columns.size() < program.steps.size()) {
        auto next = column_of(program, index + columns.size());
        if (!next || !fill_same_rows(*alone, *next)) break;
        columns.push_back(std::move(*next));
    }
    if (!put_in_order(columns)) return joined({*alone});
    return joined(columns);
}

void gather_heads(Program& program) {
    std::size_t i = 0;
    while (i < program.steps.size()) {
        const auto column = column_of(program, i);
        const std::size_t end = column ? column->copy : i;
        std::size_t last = i;
        std::size_t found = 0;
        for (std::size_t j = i + 1; j < end; ++j) {
            const auto other = column_of(program, j);
            if (!other || !fill_same_rows(*column, *other)) continue;
            last = j;
            ++found;
        }
        if (last == i + found) {
            ++i;  // none, or all that are between are of the same rows
            continue;
        }
        // Nothing in between reads what it makes: only the copy does, which is behind them all.
        const auto begin = program.steps.begin() + static_cast<std::ptrdiff_t>(i);
        std::rotate(begin, begin + 1, program.steps.begin() + static_cast<std::ptrdiff_t>(last));
    }
}

}  // namespace sluice::infer::cuda
