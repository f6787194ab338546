#pragma once

namespace sluice::track::detail {

/// Kalman filter of one quantity and its velocity. The trackers' 7- and 8-dimensional filters
/// start from diagonal covariances, have diagonal noise and couple each quantity with its own
/// velocity only, so they fall apart into these without any approximation (kalman_test.cpp
/// compares with the full matrices).
class AxisFilter {
public:
    void start(double value, double variance, double velocity_variance) {
        value_ = value;
        velocity_ = 0;
        variance_ = variance;
        covariance_ = 0;
        velocity_variance_ = velocity_variance;
    }

    /// `noise` and `velocity_noise` are variances per nominal frame.
    void predict(double dt, double noise, double velocity_noise) {
        value_ += dt * velocity_;
        variance_ += dt * (2 * covariance_ + dt * velocity_variance_) + dt * noise;
        covariance_ += dt * velocity_variance_;
        velocity_variance_ += dt * velocity_noise;
    }

    void correct(double measured, double noise) {
        double innovation = measured - value_;
        double total = variance_ + noise;
        double gain = variance_ / total;
        double velocity_gain = covariance_ / total;
        value_ += gain * innovation;
        velocity_ += velocity_gain * innovation;
        velocity_variance_ -= velocity_gain * covariance_;
        covariance_ -= gain * covariance_;
        variance_ -= gain * variance_;
    }

    double value() const { return value_; }
    double velocity() const { return velocity_; }
    void stop() { velocity_ = 0; }

private:
    double value_ = 0;
    double velocity_ = 0;
    double variance_ = 0;
    double covariance_ = 0;
    double velocity_variance_ = 0;
};

}  // namespace sluice::track::detail
