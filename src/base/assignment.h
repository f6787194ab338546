#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace sluice {

inline constexpr int kUnassigned = -1;

/// Pairs rows with columns at the lowest total cost, exactly. Keeps its scratch, so that a solver
/// that is used again allocates nothing once it has seen its largest problem.
class AssignmentSolver {
public:
    /// `costs` is row-major, rows x columns. Gives for each row its column, or kUnassigned; the
    /// span lives until the next call.
    ///
    /// Without a limit, all costs are finite and min(rows, columns) pairs are made. With a limit,
    /// leaving a row and a column alone counts as much as pairing them at `limit` would: no pair
    /// costs `limit` or more, and infinity or NaN forbids a pair.
    std::span<const int> solve(std::span<const double> costs,
                               std::size_t rows,
                               std::size_t columns,
                               double limit = std::numeric_limits<double>::infinity());

private:
    void load(std::span<const double> costs, bool transposed, double limit);
    void assign_cheapest_columns();
    void augment(std::size_t row);
    std::size_t nearest_free_column(std::size_t row);

    // The problem with rows_ <= columns_ (transposed when it came otherwise), its duals, and the
    // search tree of one augmentation.
    std::size_t rows_ = 0;
    std::size_t columns_ = 0;
    std::vector<double> costs_;
    std::vector<double> row_price_;
    std::vector<double> column_price_;
    std::vector<int> column_of_row_;
    std::vector<int> row_of_column_;
    std::vector<double> distance_;
    std::vector<int> reached_from_;
    std::vector<int> open_columns_;
    std::vector<int> closed_columns_;
    std::vector<int> result_;
};

}  // namespace sluice
