#include "sluice/base/assignment.h"

#include <algorithm>
#include <cmath>

// Successive shortest augmenting paths with row and column prices, after D. F. Crouse, "On
// implementing 2D rectangular assignment algorithms", IEEE Trans. AES 52(4), 2016, section II.
// Departures: rows first take their cheapest column where that is still free, so that only
// contested rows are searched for; and a limit is folded into the costs (see load()).

namespace sluice {

std::span<const int> AssignmentSolver::solve(std::span<const double> costs,
                                             std::size_t rows,
                                             std::size_t columns,
                                             double limit) {
    result_.assign(rows, kUnassigned);
    if (rows == 0 || columns == 0) return result_;
    bool transposed = rows > columns;
    rows_ = transposed ? columns : rows;
    columns_ = transposed ? rows : columns;
    load(costs, transposed, limit);
    assign_cheapest_columns();
    for (std::size_t row = 0; row < rows_; ++row) {
        if (column_of_row_[row] == kUnassigned) augment(row);
    }
    for (std::size_t row = 0; row < rows_; ++row) {
        auto column = static_cast<std::size_t>(column_of_row_[row]);
        if (limit < std::numeric_limits<double>::infinity() &&
            costs_[row * columns_ + column] >= 0) {
            continue;
        }
        if (transposed) {
            result_[column] = static_cast<int>(row);
        } else {
            result_[row] = static_cast<int>(column);
        }
    }
    return result_;
}

/// With a limit, a pair is worth cost - limit where that is negative and nothing otherwise: a full
/// assignment of these, less its worthless pairs, is the best partial one of the original.
void AssignmentSolver::load(std::span<const double> costs, bool transposed, double limit) {
    bool limited = limit < std::numeric_limits<double>::infinity();
    auto value = [&](double cost) {
        if (!limited) return cost;
        return cost < limit ? cost - limit : 0.0;
    };
    costs_.resize(rows_ * columns_);
    for (std::size_t row = 0; row < rows_; ++row) {
        double* out = &costs_[row * columns_];
        for (std::size_t column = 0; column < columns_; ++column) {
            out[column] =
                value(transposed ? costs[column * rows_ + row] : costs[row * columns_ + column]);
        }
    }
}

void AssignmentSolver::assign_cheapest_columns() {
    row_price_.resize(rows_);
    column_price_.assign(columns_, 0);
    column_of_row_.assign(rows_, kUnassigned);
    row_of_column_.assign(columns_, kUnassigned);
    for (std::size_t row = 0; row < rows_; ++row) {
        const double* begin = &costs_[row * columns_];
        const double* cheapest = std::min_element(begin, begin + columns_);
        row_price_[row] = *cheapest;
        auto column = static_cast<std::size_t>(cheapest - begin);
        if (row_of_column_[column] == kUnassigned) {
            row_of_column_[column] = static_cast<int>(row);
            column_of_row_[row] = static_cast<int>(column);
        }
    }
}

/// Dijkstra over reduced costs from `row`. Leaves distance_, reached_from_ and closed_columns_ (the
/// final column last) behind.
std::size_t AssignmentSolver::nearest_free_column(std::size_t row) {
    distance_.assign(columns_, std::numeric_limits<double>::infinity());
    reached_from_.assign(columns_, kUnassigned);
    closed_columns_.clear();
    open_columns_.resize(columns_);
    for (std::size_t i = 0; i < columns_; ++i)
        open_columns_[i] = static_cast<int>(i);

    double base = 0;
    for (;;) {
        std::size_t best = 0;
        double best_distance = std::numeric_limits<double>::infinity();
        const double* costs = &costs_[row * columns_];
        for (std::size_t k = 0; k < open_columns_.size(); ++k) {
            auto column = static_cast<std::size_t>(open_columns_[k]);
            double through = base + costs[column] - row_price_[row] - column_price_[column];
            if (through < distance_[column]) {
                distance_[column] = through;
                reached_from_[column] = static_cast<int>(row);
            }
            bool better =
                distance_[column] < best_distance ||
                (distance_[column] == best_distance && row_of_column_[column] == kUnassigned);
            if (better) {
                best = k;
                best_distance = distance_[column];
            }
        }
        int column = open_columns_[best];
        open_columns_[best] = open_columns_.back();
        open_columns_.pop_back();
        closed_columns_.push_back(column);
        base = best_distance;
        int owner = row_of_column_[static_cast<std::size_t>(column)];
        if (owner == kUnassigned) return static_cast<std::size_t>(column);
        row = static_cast<std::size_t>(owner);
    }
}

void AssignmentSolver::augment(std::size_t row) {
    std::size_t sink = nearest_free_column(row);
    double length = distance_[sink];
    row_price_[row] += length;
    for (int closed : closed_columns_) {
        auto column = static_cast<std::size_t>(closed);
        double slack = length - distance_[column];
        column_price_[column] -= slack;
        int owner = row_of_column_[column];
        if (owner != kUnassigned) row_price_[static_cast<std::size_t>(owner)] += slack;
    }
    for (std::size_t column = sink;;) {
        int owner = reached_from_[column];
        row_of_column_[column] = owner;
        int previous = column_of_row_[static_cast<std::size_t>(owner)];
        column_of_row_[static_cast<std::size_t>(owner)] = static_cast<int>(column);
        if (static_cast<std::size_t>(owner) == row) return;
        column = static_cast<std::size_t>(previous);
    }
}

}  // namespace sluice
