#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/infer/options.h"

/// What `sluice calibrate` finds out about a model, and what int8 engines are made from.
namespace sluice::infer {

/// What the 256 steps of a tensor span: low <= 0 <= high, and 0 is a step.
struct TensorRange {
    std::string tensor;  ///< as the model names it
    float low = 0;
    float high = 0;
};

/// A layer that stays in floating point.
struct FloatLayer {
    std::string layer;  ///< QuantizableLayer::name
    std::string why;    ///< for people
};

/// What int8 takes from the mean of a layer's output channels, to be added to its bias.
struct BiasCorrection {
    std::string layer;
    std::vector<float> add;  ///< one for each output channel
};

/// What a tensor's mean was in one picture, over the pictures: tells pictures of another kind.
struct UsualMean {
    std::string tensor;
    float mean = 0;
    float spread = 0;  ///< standard deviation
};

/// How a precision did on a device.
struct MeasuredPrecision {
    std::string device;  ///< as device_name() says it
    Precision precision = Precision::kFp32;
    double images_per_second = 0;
    double loss = 0;  ///< against fp32, in the measure of Calibration::measure
    bool passed = true;
};

struct Calibration {
    std::string model;   ///< model_hash(); empty: not known, as in TensorRT's caches
    std::string method;  ///< of the ranges: "max", "percentile", "entropy", "mse"
    std::string images;  ///< where they came from, for people
    int image_count = 0;
    std::string measure;  ///< "mAP" (against labels), "F1" (against fp32), "top-1", "cosine"
    double floor = 0;     ///< the most loss that was allowed
    bool forced = false;  ///< below the floor, and wanted all the same
    std::vector<TensorRange> tensors;
    std::vector<UsualMean> usual;
    std::vector<FloatLayer> float_layers;
    std::vector<BiasCorrection> bias;
    std::vector<MeasuredPrecision> measured;
};

/// A layer that could compute in int8.
struct QuantizableLayer {
    std::string name;
    std::string kind;                ///< "Conv 3x3 s1 64->64 on 80x80"
    std::string input;               ///< the tensor whose range it needs
    std::string output;              ///< what it makes, before its activation
    std::int64_t multiply_adds = 0;  ///< of one item
    bool depthwise = false;
    bool padded = false;  ///< reads zeros around its input
    bool first = false;   ///< reads the pixels
    bool last = false;    ///< nothing but element-wise steps up to an output of the model
};

}  // namespace sluice::infer
