#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.h"
#include "sluice/gst/infer_settings.h"
#include "sluice/tuner/calibration_report.h"
#include "sluice/tuner/progress.h"

namespace sluice::tuner {

struct CalibrateOptions {
    gst::InferSettings model;           ///< its device is the user's
    std::vector<std::string> pictures;  ///< files, folders, patterns, URIs, as of `sluice run`
    int frames = 128;                   ///< at most, of each of them
    std::optional<double> floor;        ///< the most loss; default_floor() of the measure
    std::string labels;                 ///< a folder of YOLO label files; empty: none
    std::string output;                 ///< empty: beside the model
    std::string tensorrt_cache;         ///< also written, in TensorRT's form; empty: not
    bool force = false;                 ///< write also what loses more than the floor
    Duration turn = std::chrono::seconds(1);  ///< of each precision, three times
    int batch = 0;  ///< in which speed is measured; 0: what streams on the device would make
};

/// Finds out how the model loses least in int8 on the pictures, what it loses, and what it gains on
/// the device; writes the calibration unless the verdict is kRefused. Halves of the pictures judge
/// what the others taught; the calibration that is written has learnt from all. Work that was
/// interrupted goes on where it was: it is kept in a file beside the output until all is done.
/// initialise() was called. Errors: pictures that are none or show nothing, a model that has no
/// layer for int8, a tensor with numbers that are not finite, a file that cannot be written, and
/// what reading the model gives.
Result<CalibrationReport> calibrate(const CalibrateOptions& options, Progress& progress);

/// Measures the calibration in a file, or a TensorRT cache, on the pictures, which may be others
/// than it was made from; writes nothing. The floor is the option's, else the calibration's where
/// it was measured alike. Where it fails, the layers are measured one by one.
Result<CalibrationReport> check_calibration(const CalibrateOptions& options,
                                            const std::string& path,
                                            Progress& progress);

}  // namespace sluice::tuner
