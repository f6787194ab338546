#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/heads/decode.h"
#include "sluice/infer/heads/kernels.h"
#include "sluice/infer/heads/test_outputs.h"

// Every head against a slow decoder that is written down from the family's description alone.
namespace sluice::infer {
namespace {

struct Box {
    double left, top, right, bottom, score;
    int class_id;
};

constexpr float kThreshold = 0.3f;

/// Decodes item `item` with the recognised head.
std::vector<Box> decoded(const TestOutputs& outputs,
                         memory::Size input,
                         const HeadOptions& options = {},
                         std::size_t item = 0) {
    auto layout = recognise(outputs.specs, input, options);
    EXPECT_TRUE(layout) << layout.error().text();
    auto head = create_head(outputs.specs, *layout);
    EXPECT_TRUE(head) << head.error().text();
    std::vector<float> thresholds(static_cast<std::size_t>(layout->classes()), kThreshold);
    std::vector<meta::Detection> found;
    auto done = (*head)->decode({outputs.views, item, {kThreshold, thresholds}}, found);
    EXPECT_TRUE(done) << done.error().text();
    std::vector<Box> boxes;
    for (const meta::Detection& d : found)
        boxes.push_back(
            {d.box.left, d.box.top, d.box.right(), d.box.bottom(), d.score, d.class_id.value});
    return boxes;
}

void expect_same(std::vector<Box> actual, std::vector<Box> wanted, std::size_t least = 5) {
    auto order = [](const Box& a, const Box& b) {
        return std::tie(a.class_id, a.score) < std::tie(b.class_id, b.score);
    };
    std::sort(actual.begin(), actual.end(), order);
    std::sort(wanted.begin(), wanted.end(), order);
    ASSERT_EQ(actual.size(), wanted.size());
    EXPECT_GE(wanted.size(), least) << "the test is too easy";
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_EQ(actual[i].class_id, wanted[i].class_id);
        EXPECT_NEAR(actual[i].score, wanted[i].score, 1e-5);
        EXPECT_NEAR(actual[i].left, wanted[i].left, 2e-3);
        EXPECT_NEAR(actual[i].top, wanted[i].top, 2e-3);
        EXPECT_NEAR(actual[i].right, wanted[i].right, 2e-3);
        EXPECT_NEAR(actual[i].bottom, wanted[i].bottom, 2e-3);
    }
}

Box centered_box(double cx, double cy, double w, double h, double score, int class_id) {
    return {cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score, class_id};
}
double exact_sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

TEST(Heads, YoloxDecodesOffsetsFromTheGridAndLogSizes) {
    TestOutputs outputs;
    const int n = 8 * 8 + 4 * 4 + 2 * 2;
    auto& v = outputs.add("output", {2, n, 5 + 3});
    fill_random(v, 0, 1, 1);
    std::vector<Box> wanted;
    int row = 0;
    for (int stride : {8, 16, 32}) {
        for (int y = 0; y < 64 / stride; ++y) {
            for (int x = 0; x < 64 / stride; ++x, ++row) {
                const float* r = v.data() + (n + row) * 8;  // item 1
                auto best = static_cast<int>(std::max_element(r + 5, r + 8) - r - 5);
                double score = double(r[4]) * r[5 + best];
                if (score >= kThreshold)
                    wanted.push_back(centered_box((r[0] + x) * stride,
                                                  (r[1] + y) * stride,
                                                  std::exp(r[2]) * stride,
                                                  std::exp(r[3]) * stride,
                                                  score,
                                                  best));
            }
        }
    }
    expect_same(decoded(outputs, {64, 64}, {}, 1), wanted);
}

TEST(Heads, Yolov5RowsAreDecodedBoxes) {
    TestOutputs outputs;
    const int n = 3 * (64 + 16 + 4);
    auto& v = outputs.add("output0", {1, n, 5 + 2});
    fill_random(v, 0, 1, 2);
    std::vector<Box> wanted;
    for (int i = 0; i < n; ++i) {
        float* r = v.data() + i * 7;
        for (int k = 0; k < 4; ++k)
            r[k] *= 60;
        int best = r[6] > r[5] ? 1 : 0;
        if (double score = double(r[4]) * r[5 + best]; score >= kThreshold)
            wanted.push_back(centered_box(r[0], r[1], r[2], r[3], score, best));
    }
    expect_same(decoded(outputs, {64, 64}), wanted);
}

class Yolov8 : public testing::TestWithParam<bool> {};

TEST_P(Yolov8, ColumnsAndRowsGiveTheSame) {
    const bool columns = GetParam();
    const int n = 400 + 100 + 25;  // no multiple of a vector
    const int classes = 7;
    TestOutputs outputs;
    auto& v = columns ? outputs.add("output0", {1, 4 + classes, n})
                      : outputs.add("output0", {1, n, 4 + classes});
    fill_scores(v, 3);
    auto at = [&](int cell, int k) -> float& {
        return v[static_cast<std::size_t>(columns ? k * n + cell : cell * (4 + classes) + k)];
    };
    std::vector<Box> wanted;
    for (int i = 0; i < n; ++i) {
        int best = 0;
        for (int c = 1; c < classes; ++c) {
            if (at(i, 4 + c) > at(i, 4 + best)) best = c;
        }
        if (at(i, 4 + best) >= kThreshold)
            wanted.push_back(
                centered_box(at(i, 0), at(i, 1), at(i, 2), at(i, 3), at(i, 4 + best), best));
    }
    HeadOptions options;
    options.num_detected_classes = classes;
    expect_same(decoded(outputs, {160, 160}, options), wanted);
}
INSTANTIATE_TEST_SUITE_P(Layouts, Yolov8, testing::Bool());

TEST(Heads, EndToEndRowsAreEdgesScoreAndClass) {
    TestOutputs outputs;
    auto& v = outputs.add("output0", {1, 300, 6});
    v = {10, 20, 30, 50, 0.9f, 2, 1, 2, 3, 4, 0.1f, 0};
    v.resize(1800);
    outputs.views[0].data = v.data();
    expect_same(decoded(outputs, {640, 640}), {{10, 20, 30, 50, 0.9, 2}}, 1);
}

TEST(Heads, EndToEndRefusesClassesBeyondTheLabels) {
    TestOutputs outputs;
    auto& v = outputs.add("output0", {1, 300, 6});
    v[4] = 0.9f;
    v[6 + 4] = 0.9f;
    v[6 + 5] = 3;
    HeadOptions options;
    options.num_detected_classes = 3;
    auto head = create_head(outputs.specs, *recognise(outputs.specs, {640, 640}, options)).value();
    std::vector<float> thresholds(3, 0.5f);
    std::vector<meta::Detection> found(1);
    auto done = head->decode({outputs.views, 0, {0.5f, thresholds}}, found);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(found.size(), 1u) << "what was there stays";
}

TEST(Heads, DetrSigmoidScoresLogitsOfNormalizedBoxes) {
    TestOutputs outputs;
    auto& logits = outputs.add("pred_logits", {1, 50, 9});
    auto& boxes = outputs.add("pred_boxes", {1, 50, 4});
    fill_random(logits, -6, 2, 4);
    fill_random(boxes, 0, 1, 5);
    std::vector<Box> wanted;
    for (int q = 0; q < 50; ++q) {
        const float* row = logits.data() + q * 9;
        auto best = static_cast<int>(std::max_element(row, row + 9) - row);
        const float* b = boxes.data() + q * 4;
        if (exact_sigmoid(row[best]) >= kThreshold)
            wanted.push_back(centered_box(
                b[0] * 320, b[1] * 240, b[2] * 320, b[3] * 240, exact_sigmoid(row[best]), best));
    }
    expect_same(decoded(outputs, {320, 240}), wanted);
}

TEST(Heads, DetrSoftmaxLeavesRoomForNoObject) {
    TestOutputs outputs;
    auto& logits = outputs.add("logits", {1, 100, 92});
    auto& boxes = outputs.add("boxes", {1, 100, 4});
    fill_random(logits, -10, 30, 6);
    fill_random(boxes, 0, 1, 7);
    std::vector<Box> wanted;
    for (int q = 0; q < 100; ++q) {
        const float* row = logits.data() + q * 92;
        double sum = 0;
        for (int c = 0; c < 92; ++c)
            sum += std::exp(double(row[c]));
        auto best = static_cast<int>(std::max_element(row, row + 91) - row);
        double score = std::exp(double(row[best])) / sum;
        const float* b = boxes.data() + q * 4;
        if (score >= kThreshold)
            wanted.push_back(
                centered_box(b[0] * 640, b[1] * 640, b[2] * 640, b[3] * 640, score, best));
    }
    expect_same(decoded(outputs, {640, 640}), wanted);
}

TEST(Heads, DetrOneOutputHoldsBoxesAndScores) {
    TestOutputs outputs;
    auto& v = outputs.add("output0", {1, 300, 4 + 80});
    float* row = v.data() + 84 * 7;
    row[0] = 0.5f, row[1] = 0.5f, row[2] = 0.2f, row[3] = 0.4f, row[4 + 17] = 0.75f;
    expect_same(decoded(outputs, {640, 640}), {{256, 192, 384, 448, 0.75, 17}}, 1);
}

TEST(Heads, SsdListsEndAtTheirNumber) {
    TestOutputs outputs;
    auto& boxes = outputs.add("detection_boxes", {1, 4, 4});
    auto& classes = outputs.add("detection_classes", {1, 4});
    auto& count = outputs.add("num_detections", {1});
    auto& scores = outputs.add("detection_scores", {1, 4});
    boxes = {0.1f, 0.2f, 0.3f, 0.6f, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1};
    outputs.views[0].data = boxes.data();
    scores[0] = 0.9f, scores[1] = 0.2f, scores[2] = 0.8f, scores[3] = 0.95f;
    classes[0] = 1, classes[2] = 44, classes[3] = 5;
    count[0] = 3;
    expect_same(
        decoded(outputs, {100, 200}), {{20, 20, 60, 60, 0.9, 1}, {0, 0, 100, 200, 0.8, 44}}, 2);
}

TEST(Heads, DetectionOutputSortsRowsByImage) {
    TestOutputs outputs;
    auto& v = outputs.add("detection_out", {1, 1, 4, 7});
    const std::vector<float> rows{0,  1, 0.9f, 0.1f, 0.1f, 0.2f, 0.2f,  //
                                  1,  2, 0.8f, 0.5f, 0.5f, 1,    1,     //
                                  -1, 0, 0,    0,    0,    0,    0,     //
                                  1,  3, 0.9f, 0,    0,    1,    1};
    std::copy(rows.begin(), rows.end(), v.begin());
    expect_same(decoded(outputs, {300, 300}, {}, 1), {{150, 150, 300, 300, 0.8, 2}}, 1);
}

TEST(Heads, DetectionOutputOfItemByItemHasAListForEach) {
    TestOutputs outputs;
    auto& v = outputs.add("detection_out", {2, 1, 2, 7});
    const std::vector<float> rows{0,  1, 0.9f, 0.1f, 0.1f, 0.2f, 0.2f,  //
                                  -1, 0, 0,    0,    0,    0,    0,     //
                                  0,  2, 0.8f, 0.5f, 0.5f, 1,    1,     //
                                  -1, 0, 0,    0,    0,    0,    0};
    std::copy(rows.begin(), rows.end(), v.begin());
    expect_same(decoded(outputs, {300, 300}, {}, 0), {{30, 30, 60, 60, 0.9, 1}}, 1);
    expect_same(decoded(outputs, {300, 300}, {}, 1), {{150, 150, 300, 300, 0.8, 2}}, 1);
}

TEST(Heads, CenternetKeepsPeaksOfTheHeatMap) {
    TestOutputs outputs;
    const int h = 24, w = 40, classes = 3;
    auto& heat = outputs.add("tower_0/keypoints", {1, classes, h, w});
    auto& size = outputs.add("tower_0/wh", {1, 4, h, w});
    fill_scores(heat, 8);
    fill_random(size, 0, 40, 9);
    auto at = [&](int c, int y, int x) {
        if (x < 0 || y < 0 || x >= w || y >= h) return -1.f;
        return heat[static_cast<std::size_t>((c * h + y) * w + x)];
    };
    auto is_peak = [&](int c, int y, int x) {
        float best = -1;
        for (int i = 0; i < 9; ++i)
            best = std::max(best, at(c, y + i / 3 - 1, x + i % 3 - 1));
        return at(c, y, x) >= kThreshold && at(c, y, x) >= best;
    };
    std::vector<Box> wanted;
    for (int i = 0; i < classes * h * w; ++i) {
        int c = i / (h * w), y = i / w % h, x = i % w;
        if (!is_peak(c, y, x)) continue;
        auto s = [&](int k) { return size[static_cast<std::size_t>((k * h + y) * w + x)]; };
        wanted.push_back({4 * x - s(0), 4 * y - s(1), 4 * x + s(2), 4 * y + s(3), at(c, y, x), c});
    }
    expect_same(decoded(outputs, {160, 96}), wanted);
}

TEST(Heads, CenternetWithOffsetsCountsInCells) {
    TestOutputs outputs;
    auto& heat = outputs.add("hm_logits", {1, 80, 32, 32});
    auto& size = outputs.add("wh", {1, 2, 32, 32});
    auto& offset = outputs.add("reg", {1, 2, 32, 32});
    std::fill(heat.begin(), heat.end(), -9.f);
    const std::size_t at = 10 * 32 + 20;
    heat[5 * 1024 + at] = 1;
    size[at] = 6, size[1024 + at] = 4;
    offset[at] = 0.25f, offset[1024 + at] = 0.5f;
    expect_same(decoded(outputs, {128, 128}),
                {centered_box(20.25 * 4, 10.5 * 4, 24, 16, exact_sigmoid(1), 5)},
                1);
}

double expected_bin(const float* logits, int bins) {
    double sum = 0, weighted = 0;
    for (int i = 0; i < bins; ++i) {
        sum += std::exp(double(logits[i]));
        weighted += i * std::exp(double(logits[i]));
    }
    return weighted / sum;
}

class Nanodet : public testing::TestWithParam<bool> {};

TEST_P(Nanodet, EdgesAreExpectationsOfDistributions) {
    const bool concatenated = GetParam();
    const int classes = 80, bins = 8, width = classes + 4 * bins;
    const std::vector<int> strides =
        concatenated ? std::vector{8, 16, 32, 64} : std::vector{8, 16, 32};
    const double offset = concatenated ? 0 : 0.5;
    int total = 0;
    for (int s : strides)
        total += (96 / s + (96 % s != 0)) * (96 / s + (96 % s != 0));
    std::vector<float> rows(static_cast<std::size_t>(total * width));
    fill_scores(rows, 10);
    for (int i = 0; i < total; ++i)
        for (int k = 4; k < classes; ++k)
            rows[static_cast<std::size_t>(i * width + k)] *= 0.2f;  // few classes win

    TestOutputs outputs;
    std::vector<Box> wanted;
    if (concatenated) outputs.add("output", {1, total, width}) = rows;
    if (concatenated) outputs.views[0].data = rows.data();
    int row = 0;
    for (int s : strides) {
        const int side = 96 / s + (96 % s != 0);
        std::vector<float>* scores = nullptr;
        std::vector<float>* distances = nullptr;
        if (!concatenated) {
            scores = &outputs.add("cls_" + std::to_string(s), {1, side * side, classes});
            distances = &outputs.add("dis_" + std::to_string(s), {1, side * side, 4 * bins});
        }
        for (int i = 0; i < side * side; ++i, ++row) {
            const float* r = rows.data() + row * width;
            if (scores != nullptr) {
                std::copy(r, r + classes, scores->begin() + i * classes);
                std::copy(r + classes, r + width, distances->begin() + i * 4 * bins);
            }
            auto best = static_cast<int>(std::max_element(r, r + classes) - r);
            if (r[best] < kThreshold) continue;
            int line = i / side;
            double x = (i % side + offset) * s, y = (line + offset) * s;
            auto edge = [&](int k) { return s * expected_bin(r + classes + k * bins, bins); };
            wanted.push_back({x - edge(0), y - edge(1), x + edge(2), y + edge(3), r[best], best});
        }
    }
    expect_same(decoded(outputs, {96, 96}), wanted);
}
INSTANTIATE_TEST_SUITE_P(Layouts, Nanodet, testing::Bool());

TEST(Heads, FastestdetMixesObjectnessAndClass) {
    TestOutputs outputs;
    const int side = 6, cells = side * side, classes = 4;
    auto& v = outputs.add("758", {1, 5 + classes, side, side});
    fill_random(v, 0, 1, 11);
    auto at = [&](int k, int cell) {
        return double(v[static_cast<std::size_t>(k * cells + cell)]);
    };
    std::vector<Box> wanted;
    for (int i = 0; i < cells; ++i) {
        int best = 0;
        for (int c = 1; c < classes; ++c)
            best = at(5 + c, i) > at(5 + best, i) ? c : best;
        double score = std::pow(at(0, i), 0.6) * std::pow(at(5 + best, i), 0.4);
        if (score < kThreshold) continue;
        int row = i / side;
        wanted.push_back(centered_box((i % side + std::tanh(at(1, i))) * 16,
                                      (row + std::tanh(at(2, i))) * 16,
                                      exact_sigmoid(at(3, i)) * 96,
                                      exact_sigmoid(at(4, i)) * 96,
                                      score,
                                      best));
    }
    expect_same(decoded(outputs, {96, 96}), wanted);
}

TEST(Heads, NothingComesOfNotANumber) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    for (float bad : {nan, infinity, -infinity}) {
        TestOutputs outputs;
        auto& v = outputs.add("output", {1, 84, 5 + 3});
        std::fill(v.begin(), v.end(), bad);
        EXPECT_TRUE(decoded(outputs, {64, 64}).empty()) << bad;
        TestOutputs columns;
        auto& w = columns.add("output0", {1, 4 + 3, 84});
        std::fill(w.begin(), w.end(), bad);
        EXPECT_TRUE(decoded(columns, {64, 64}).empty()) << bad;
    }
}

TEST(Heads, AnOutputThatChangedIsAnErrorAndAddsNothing) {
    TestOutputs outputs;
    outputs.add("output", {1, 84, 8});
    auto head = create_head(outputs.specs, *recognise(outputs.specs, {64, 64}, {})).value();
    std::vector<float> thresholds(3, 0.f);
    std::vector<meta::Detection> found;
    auto code = [&](std::span<const memory::TensorView> views, std::size_t item) {
        auto done = head->decode({views, item, {0, thresholds}}, found);
        return done ? ErrorCode::kInternal : done.error().code;
    };
    EXPECT_EQ(code(outputs.views, 1), ErrorCode::kCorrupt) << "no such item";
    EXPECT_EQ(code({}, 0), ErrorCode::kCorrupt) << "no such output";
    auto views = outputs.views;
    views[0].shape = {1, 83, 8};
    EXPECT_EQ(code(views, 0), ErrorCode::kCorrupt) << "another shape";
    views = outputs.views;
    views[0].type = memory::ElementType::kF16;
    EXPECT_EQ(code(views, 0), ErrorCode::kCorrupt) << "another type";
    EXPECT_TRUE(found.empty());
}

TEST(Kernels, AgreeWithStandardAlgorithmsAtEveryLength) {
    std::vector<float> values(300);
    fill_random(values, -5, 5, 12);
    std::vector<float> best(values.size());
    for (std::size_t n = 1; n <= 100; ++n) {
        EXPECT_EQ(heads::max_value(values.data(), n),
                  *std::max_element(values.begin(), values.begin() + static_cast<long>(n)));
        EXPECT_EQ(heads::index_of_max(values.data(), n),
                  static_cast<std::size_t>(
                      std::max_element(values.begin(), values.begin() + static_cast<long>(n)) -
                      values.begin()));
        heads::max_over_rows(values.data(), 3, n, n, best.data());
        for (std::size_t i = 0; i < n; ++i)
            EXPECT_EQ(best[i], std::max({values[i], values[n + i], values[2 * n + i]}));
    }
    values[120] = 9;
    EXPECT_EQ(heads::index_of_max(values.data(), 5, 60), 2u);
}

}  // namespace
}  // namespace sluice::infer
