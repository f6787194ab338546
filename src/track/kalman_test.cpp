#include <array>
#include <cmath>
#include <cstddef>
#include <random>

#include <gtest/gtest.h>

#include "sluice/track/detail/motion.h"

namespace sluice::track::detail {
namespace {

/// A textbook Kalman filter with full matrices and an observation of the first four quantities.
template <std::size_t N>
struct PlainFilter {
    using Square = std::array<std::array<double, N>, N>;
    using Small = std::array<std::array<double, 4>, 4>;
    std::array<double, N> x{};
    Square p{};

    static Square product(const Square& a, const Square& b) {
        Square out{};
        for (std::size_t i = 0; i < N; ++i)
            for (std::size_t j = 0; j < N; ++j)
                for (std::size_t k = 0; k < N; ++k)
                    out[i][j] += a[i][k] * b[k][j];
        return out;
    }

    /// Quantity i moves with velocity 4 + i, where there is one.
    void predict(double dt, const std::array<double, N>& noise) {
        Square f{};
        for (std::size_t i = 0; i < N; ++i)
            f[i][i] = 1;
        for (std::size_t i = 0; i + 4 < N; ++i)
            f[i][i + 4] = dt;
        Square transposed{};
        for (std::size_t i = 0; i < N; ++i)
            for (std::size_t j = 0; j < N; ++j)
                transposed[i][j] = f[j][i];
        std::array<double, N> moved{};
        for (std::size_t i = 0; i < N; ++i)
            for (std::size_t j = 0; j < N; ++j)
                moved[i] += f[i][j] * x[j];
        x = moved;
        p = product(product(f, p), transposed);
        for (std::size_t i = 0; i < N; ++i)
            p[i][i] += dt * noise[i];
    }

    static Small inverse(Small a) {
        Small b{};
        for (std::size_t i = 0; i < 4; ++i)
            b[i][i] = 1;
        for (std::size_t c = 0; c < 4; ++c) {
            double pivot = a[c][c];
            for (std::size_t j = 0; j < 4; ++j) {
                a[c][j] /= pivot;
                b[c][j] /= pivot;
            }
            for (std::size_t i = 0; i < 4; ++i) {
                if (i == c) continue;
                double factor = a[i][c];
                for (std::size_t j = 0; j < 4; ++j) {
                    a[i][j] -= factor * a[c][j];
                    b[i][j] -= factor * b[c][j];
                }
            }
        }
        return b;
    }

    void correct(const std::array<double, 4>& z, const std::array<double, 4>& noise) {
        Small s{};
        for (std::size_t i = 0; i < 4; ++i)
            for (std::size_t j = 0; j < 4; ++j)
                s[i][j] = p[i][j] + (i == j ? noise[i] : 0);
        Small si = inverse(s);
        std::array<std::array<double, 4>, N> gain{};
        for (std::size_t i = 0; i < N; ++i)
            for (std::size_t j = 0; j < 4; ++j)
                for (std::size_t k = 0; k < 4; ++k)
                    gain[i][j] += p[i][k] * si[k][j];
        std::array<double, 4> innovation{};
        for (std::size_t j = 0; j < 4; ++j)
            innovation[j] = z[j] - x[j];
        Square keep{};
        for (std::size_t i = 0; i < N; ++i) {
            for (std::size_t j = 0; j < 4; ++j) {
                x[i] += gain[i][j] * innovation[j];
                keep[i][j] -= gain[i][j];
            }
            keep[i][i] += 1;
        }
        p = product(keep, p);
    }
};

Edges walking_box(std::mt19937& random, int t) {
    std::normal_distribution<double> shake(0, 3);
    return centered(100 + 4 * t + shake(random),
                    200 - 2 * t + shake(random),
                    50 + 0.2 * t + shake(random),
                    120 + 0.5 * t + shake(random));
}

void expect_near(const Edges& a, const Edges& b) {
    EXPECT_NEAR(a.left, b.left, 1e-6);
    EXPECT_NEAR(a.top, b.top, 1e-6);
    EXPECT_NEAR(a.right, b.right, 1e-6);
    EXPECT_NEAR(a.bottom, b.bottom, 1e-6);
}

/// Steps of uneven length, with observations missing now and then.
double step_length(int t) {
    return t % 7 == 3 ? 2.5 : 1;
}
bool observed(int t) {
    return t % 5 != 4;
}

TEST(HeightMotion, EqualsTheFullEightDimensionalFilter) {
    std::mt19937 random(1);
    HeightMotion motion;
    PlainFilter<8> plain;
    Edges first = walking_box(random, 0);
    motion.start(first);
    double h = first.height();
    plain.x = {first.center_x(), first.center_y(), first.width() / h, h, 0, 0, 0, 0};
    std::array<double, 8> deviation{h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16};
    for (std::size_t i = 0; i < 8; ++i)
        plain.p[i][i] = deviation[i] * deviation[i];
    for (int t = 1; t < 60; ++t) {
        double dt = step_length(t);
        double share = plain.x[3] / 20;
        double slow = plain.x[3] / 160;
        plain.predict(dt,
                      {share * share,
                       share * share,
                       1e-4,
                       share * share,
                       slow * slow,
                       slow * slow,
                       1e-10,
                       slow * slow});
        motion.predict({dt, 1}, false);
        if (observed(t)) {
            Edges box = walking_box(random, t);
            double noise = plain.x[3] / 20;
            noise *= noise;
            plain.correct(
                {box.center_x(), box.center_y(), box.width() / box.height(), box.height()},
                {noise, noise, 1e-2, noise});
            motion.correct(box);
        }
        expect_near(motion.box(),
                    centered(plain.x[0], plain.x[1], plain.x[2] * plain.x[3], plain.x[3]));
    }
}

TEST(AreaMotion, EqualsTheFullSevenDimensionalFilter) {
    std::mt19937 random(2);
    AreaMotion motion;
    PlainFilter<7> plain;
    Edges first = walking_box(random, 0);
    motion.start(first);
    plain.x = {first.center_x(),
               first.center_y(),
               first.width() * first.height(),
               first.width() / first.height(),
               0,
               0,
               0};
    std::array<double, 7> variance{10, 10, 10, 10, 1e4, 1e4, 1e4};
    for (std::size_t i = 0; i < 7; ++i)
        plain.p[i][i] = variance[i];
    for (int t = 1; t < 60; ++t) {
        double dt = step_length(t);
        plain.predict(dt, {1, 1, 1, 1, 1e-2, 1e-2, 1e-4});
        motion.predict({dt, 1}, false);
        if (observed(t)) {
            Edges box = walking_box(random, t);
            plain.correct({box.center_x(),
                           box.center_y(),
                           box.width() * box.height(),
                           box.width() / box.height()},
                          {1, 1, 10, 10});
            motion.correct(box);
        }
        double width = std::sqrt(plain.x[2] * plain.x[3]);
        expect_near(motion.box(), centered(plain.x[0], plain.x[1], width, plain.x[2] / width));
    }
}

TEST(AreaMotion, NeverShrinksToNothing) {
    AreaMotion motion;
    motion.start({0, 0, 100, 100});
    for (double side : {80.0, 60.0, 40.0, 20.0}) {
        motion.predict({}, false);
        motion.correct({0, 0, side, side});
    }
    for (int t = 0; t < 100; ++t) {
        motion.predict({}, true);
        EXPECT_TRUE(is_usable(motion.box()));
    }
}

TEST(HeightMotion, HoldsItsHeightWhileLost) {
    HeightMotion motion;
    motion.start({0, 0, 50, 100});
    for (int t = 1; t < 10; ++t) {
        motion.predict({}, false);
        motion.correct({0, 0, 50, 100 + 5.0 * t});
    }
    double height = motion.box().height();
    motion.predict({}, true);
    EXPECT_DOUBLE_EQ(motion.box().height(), height);
}

}  // namespace
}  // namespace sluice::track::detail
