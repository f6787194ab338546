#include "sluice/track/detail/motion.h"

#include <cmath>

namespace sluice::track::detail {
namespace {

double squared(double value) {
    return value * value;
}

// SORT: variances in pixels (and pixels squared for the area).
constexpr double kStartVariance = 10;
constexpr double kStartVelocityVariance = 1e4;
constexpr double kNoise = 1;
constexpr double kVelocityNoise = 0.01;
constexpr double kAreaVelocityNoise = 1e-4;
constexpr double kCenterMeasurementNoise = 1;
constexpr double kShapeMeasurementNoise = 10;

// DeepSORT, ByteTrack: standard deviations as a share of the box height; of the aspect ratio they
// are absolute.
constexpr double kPositionShare = 1.0 / 20;
constexpr double kVelocityShare = 1.0 / 160;
constexpr double kAspectDeviation = 1e-2;
constexpr double kAspectVelocityDeviation = 1e-5;
constexpr double kAspectMeasurementDeviation = 1e-1;

}  // namespace

void AreaMotion::start(const Edges& box) {
    x_.start(box.center_x(), kStartVariance, kStartVelocityVariance);
    y_.start(box.center_y(), kStartVariance, kStartVelocityVariance);
    area_.start(box.width() * box.height(), kStartVariance, kStartVelocityVariance);
    aspect_.start(box.width() / box.height(), kStartVariance, 0);
}

void AreaMotion::predict(const Step& step, bool /*lost*/) {
    if (area_.value() + step.dt * area_.velocity() <= 0) area_.stop();
    x_.predict(step.dt, kNoise, kVelocityNoise);
    y_.predict(step.dt, kNoise, kVelocityNoise);
    area_.predict(step.dt, kNoise, kAreaVelocityNoise);
    aspect_.predict(step.dt, kNoise, 0);
}

void AreaMotion::correct(const Edges& box) {
    x_.correct(box.center_x(), kCenterMeasurementNoise);
    y_.correct(box.center_y(), kCenterMeasurementNoise);
    area_.correct(box.width() * box.height(), kShapeMeasurementNoise);
    aspect_.correct(box.width() / box.height(), kShapeMeasurementNoise);
}

Edges AreaMotion::box() const {
    double width = std::sqrt(area_.value() * aspect_.value());
    return centered(x_.value(), y_.value(), width, area_.value() / width);
}

void HeightMotion::start(const Edges& box) {
    double variance = squared(2 * kPositionShare * box.height());
    double velocity_variance = squared(10 * kVelocityShare * box.height());
    x_.start(box.center_x(), variance, velocity_variance);
    y_.start(box.center_y(), variance, velocity_variance);
    aspect_.start(
        box.width() / box.height(), squared(kAspectDeviation), squared(kAspectVelocityDeviation));
    height_.start(box.height(), variance, velocity_variance);
}

void HeightMotion::predict(const Step& step, bool lost) {
    if (lost) height_.stop();
    double noise = squared(kPositionShare * height_.value());
    double velocity_noise = squared(kVelocityShare * height_.value());
    x_.predict(step.dt, noise, velocity_noise);
    y_.predict(step.dt, noise, velocity_noise);
    aspect_.predict(step.dt, squared(kAspectDeviation), squared(kAspectVelocityDeviation));
    height_.predict(step.dt, noise, velocity_noise);
}

void HeightMotion::correct(const Edges& box) {
    double noise = squared(kPositionShare * height_.value());
    x_.correct(box.center_x(), noise);
    y_.correct(box.center_y(), noise);
    aspect_.correct(box.width() / box.height(), squared(kAspectMeasurementDeviation));
    height_.correct(box.height(), noise);
}

Edges HeightMotion::box() const {
    return centered(x_.value(), y_.value(), aspect_.value() * height_.value(), height_.value());
}

}  // namespace sluice::track::detail
