#pragma once

#include <openvino/core/model.hpp>

namespace sluice::infer {

/// Lets a head's grids be joined as rows, where the model joins them as columns and then transposes
/// all of it (YOLOX): on a CPU pixels lie channel by channel within a place already, so that the
/// rows are copies. The numbers stay the same. Returns how many joints were turned.
int join_as_rows(ov::Model& model);

}  // namespace sluice::infer
