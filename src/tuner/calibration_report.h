#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/infer/calibration.h"
#include "sluice/tuner/accuracy.h"

namespace sluice::tuner {

struct LayerReport {
    infer::QuantizableLayer layer;
    std::optional<double> distance;  ///< with this layer alone in int8; where it was measured
    std::string in_float;            ///< why; empty: it computes in int8
};

/// One try of the search for the layers that have to stay in float.
struct TryReport {
    std::size_t in_float = 0;  ///< layers, beyond those that always are
    double int8_share = 0;     ///< of the multiply-adds
    double loss = 0;
};

struct PrecisionReport {
    infer::Precision precision = infer::Precision::kFp32;
    double images_per_second = 0;
    Accuracy accuracy;
    bool passed = true;
};

struct PictureReport {
    std::string name;
    memory::Size size;     ///< of the picture, in whose pixels the boxes are
    image::Rect shown;     ///< the part of the picture that the network saw
    image::PixelRect at;   ///< where that part is in the JPEG
    memory::Size encoded;  ///< of the JPEG
    std::string jpeg;
    double agreement = 1;
    std::vector<eval::DetectedBox> fp32;
    std::vector<eval::DetectedBox> int8;
};

/// How well a calibration fits pictures that it was not made from.
struct DomainReport {
    double clipped = 0;        ///< share of the numbers outside of their ranges
    std::size_t tensors = 0;   ///< that were looked at
    std::size_t too_wide = 0;  ///< whose numbers reach far beyond their ranges
    std::string worst;         ///< the one that reaches farthest
    std::size_t pictures = 0;
    std::size_t strange = 0;  ///< pictures in which most tensors' means are far from the usual ones
    bool fits = true;
};

enum class Verdict {
    kPassed,
    kForced,   ///< below the floor, and written all the same
    kRefused,  ///< below the floor: nothing was written
};

/// What was done and found out; all that the terminal, JSON and the page show.
struct CalibrationReport {
    std::string model;
    std::string head;    ///< what the model is taken for
    std::string device;  ///< the user's
    std::string images;  ///< where the pictures came from
    std::size_t image_count = 0;
    bool check = false;         ///< an existing calibration was measured
    bool held_out = false;      ///< judged on pictures that taught nothing
    std::string calibrated_on;  ///< of a check: what the calibration says of its pictures
    std::vector<std::string> warnings;

    Measure measure = Measure::kF1;
    double floor = 0;
    double fp32_value = 1;
    Accuracy int8;  ///< on the device, or in emulation where it cannot do int8
    bool emulated = false;

    std::string method;
    std::vector<std::pair<std::string, double>> methods;  ///< distances of the range methods
    std::vector<LayerReport> layers;
    std::vector<TryReport> tries;
    bool bias_corrected = false;
    double int8_share = 0;
    std::vector<PrecisionReport> precisions;            ///< fp32 first
    int batch = 1;                                      ///< in which their speed was measured
    infer::Precision chosen = infer::Precision::kFp32;  ///< what `auto` takes
    std::vector<PictureReport> worst;
    std::vector<std::string> class_names;  ///< of boxes, by their number; those that are known
    std::optional<DomainReport> domain;

    Verdict verdict = Verdict::kPassed;
    std::vector<std::string> reasons;  ///< of a refusal, and the nearest way that passes
    std::string written;               ///< the calibration's file; empty: none
};

/// Layers that were measured alone, those first that lose most.
std::vector<const LayerReport*> worst_first(const CalibrationReport& report);

/// Decibels: 10 log10, at least -99.
double decibels(double distance);

/// "bf16 is faster than int8 here (197 against 176 images/s): auto takes bf16"
std::string speed_sentence(const CalibrationReport& report);
/// Beside a precision's figures: "below the floor", "auto takes this" and the like, or "".
std::string remark(const CalibrationReport& report, const PrecisionReport& line);
/// "loses 0.0021 mAP (95 %: -0.0010 .. 0.0052) of 0.3565; the floor allows 0.0050"
std::string loss_sentence(const CalibrationReport& report);
std::string domain_sentence(const DomainReport& domain);

/// For people at a terminal.
std::string to_table(const CalibrationReport& report);
/// "sluice.calibrate/1"; everything but the pictures.
std::string to_json(const CalibrationReport& report);
/// One self-contained HTML page.
std::string to_html(const CalibrationReport& report);

}  // namespace sluice::tuner
