#pragma once

#include "sluice/infer/calibration.h"
#include "sluice/tuner/activations.h"
#include "sluice/tuner/calibration_report.h"

namespace sluice::tuner {

/// Are other pictures of the kind that the calibration has learnt from? Their numbers are to lie in
/// its ranges, and the tensors' means to be what they usually were then. What looks alike to people
/// need not to a network, and the other way round, so the network is asked.
DomainReport compare_domain(const infer::Calibration& calibration, const Activations& activations);

}  // namespace sluice::tuner
