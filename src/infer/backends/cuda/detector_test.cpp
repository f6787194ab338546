#include "sluice/infer/backends/cuda/detector.h"

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/device_testing.h"
#include "sluice/infer/heads/test_outputs.h"

namespace sluice::infer::cuda {
namespace {

using memory::cuda::Buffer;
using memory::cuda::Stream;

constexpr memory::Size kInput{160, 96};
constexpr int kCells = 20 * 12 + 10 * 6 + 5 * 3;
constexpr int kBatch = 3;
constexpr int kClasses = 7;

/// Makes numbers up. They are coarse, so that many are equal, and none differ by a rounding only.
class Numbers {
public:
    Numbers(unsigned seed, bool poisoned) : random_(seed), poisoned_(poisoned) {}

    float score() { return poison(coarse(0, 64) / 64, {kInfinity}); }
    float objectness() { return poison(coarse(0, 64) / 64, {kInfinity, kNan}); }
    float logit() { return poison(coarse(-64, 64) / 16, {kInfinity}); }
    float place(int extent) {
        return poison(coarse(0, 4 * extent) / 4, {kInfinity, -kInfinity, kNan});
    }
    float size() { return poison(coarse(8, 48), {kInfinity, -kInfinity, kNan, -3}); }
    float small() { return poison(coarse(-32, 32) / 16, {kInfinity, -kInfinity, kNan}); }
    float fine() { return std::uniform_real_distribution<float>(0, 1)(random_); }
    float coarse(int low, int high) {
        return static_cast<float>(std::uniform_int_distribution<int>(low, high)(random_));
    }

private:
    static constexpr float kInfinity = std::numeric_limits<float>::infinity();
    static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

    float poison(float value, std::initializer_list<float> poisons) {
        if (!poisoned_ || coarse(0, 30) != 0) return value;
        return poisons.begin()[static_cast<std::size_t>(coarse(0, 100)) % poisons.size()];
    }

    std::mt19937 random_;
    bool poisoned_;
};

using Fill = std::function<void(TestOutputs&, Numbers&)>;

struct HeadCase {
    std::string name;
    HeadOptions options;
    Fill fill;
};

using Column = std::function<float(Numbers&, int)>;

/// Items of `rows` x `columns`, each number by its column.
void add_rows(TestOutputs& outputs,
              const std::string& name,
              int rows,
              int columns,
              Numbers& n,
              const Column& of) {
    auto& values = outputs.add(name, {kBatch, rows, columns});
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = of(n, static_cast<int>(i) % columns);
}

/// The same, transposed.
void add_columns(TestOutputs& outputs,
                 const std::string& name,
                 const memory::Shape& item,
                 Numbers& n,
                 const Column& of) {
    memory::Shape shape{kBatch};
    shape.insert(shape.end(), item.begin(), item.end());
    auto& values = outputs.add(name, shape);
    const auto plane = static_cast<int>(memory::element_count(item) / item[0]);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = of(n, static_cast<int>(i) / plane % static_cast<int>(item[0]));
}

float centre_and_size(Numbers& n, int column) {
    return column == 0 ? n.place(kInput.width) : column == 1 ? n.place(kInput.height) : n.size();
}

HeadOptions named(HeadKind kind, int classes = 0) {
    HeadOptions options;
    options.head = kind;
    options.num_detected_classes = classes;
    return options;
}

HeadOptions activated(HeadKind kind, ScoreActivation activation, int classes = 0) {
    HeadOptions options = named(kind, classes);
    options.score_activation = activation;
    return options;
}

float yolo_column(Numbers& n, int column) {
    return column < 4 ? centre_and_size(n, column) : column == 4 ? n.objectness() : n.score();
}

std::vector<HeadCase> yolo_cases() {
    return {
        {"yolox",
         named(HeadKind::kYolox),
         [](TestOutputs& outputs, Numbers& numbers) {
             add_rows(outputs, "output", kCells, 5 + kClasses, numbers, [](Numbers& n, int c) {
                 return c < 4 ? n.small() : c == 4 ? n.objectness() : n.score();
             });
         }},
        {"yolox_of_many_classes",
         named(HeadKind::kYolox),
         [](TestOutputs& outputs, Numbers& numbers) {
             add_rows(outputs, "output", kCells, 5 + 100, numbers, [](Numbers& n, int c) {
                 return c < 4 ? n.small() : c == 4 ? n.objectness() : n.score();
             });
         }},
        {"yolov5",
         named(HeadKind::kYolov5),
         [](TestOutputs& outputs, Numbers& numbers) {
             add_rows(outputs, "output", 500, 5 + kClasses, numbers, yolo_column);
         }},
        {"yolov8_columns",
         named(HeadKind::kYolov8),
         [](TestOutputs& outputs, Numbers& numbers) {
             add_columns(outputs, "output", {4 + kClasses, kCells}, numbers, [](Numbers& n, int c) {
                 return c < 4 ? centre_and_size(n, c) : n.score();
             });
         }},
        {"yolov8_rows",
         named(HeadKind::kYolov8, kClasses),
         [](TestOutputs& outputs, Numbers& numbers) {
             add_rows(outputs, "output", kCells, 4 + kClasses, numbers, [](Numbers& n, int c) {
                 return c < 4 ? centre_and_size(n, c) : n.score();
             });
         }},
    };
}

float list_column(Numbers& n, int column) {
    if (column == 4) return n.score();
    if (column == 5) return n.coarse(0, kClasses - 1);
    return n.place(kInput.height);
}

Fill detr_of(int columns) {
    return [columns](TestOutputs& outputs, Numbers& numbers) {
        add_rows(
            outputs, "logits", 100, columns, numbers, [](Numbers& n, int) { return n.logit(); });
        add_rows(outputs, "boxes", 100, 4, numbers, [](Numbers& n, int) { return n.place(1); });
    };
}

std::vector<HeadCase> list_cases() {
    return {
        {"end_to_end",
         named(HeadKind::kEndToEnd, kClasses),
         [](TestOutputs& outputs, Numbers& numbers) {
             add_rows(outputs, "output", 300, 6, numbers, list_column);
         }},
        {"detr_sigmoid", activated(HeadKind::kDetr, ScoreActivation::kSigmoid), detr_of(kClasses)},
        {"detr_softmax",
         activated(HeadKind::kDetr, ScoreActivation::kSoftmax),
         detr_of(kClasses + 1)},
        {"detr_in_one",
         named(HeadKind::kDetr),
         [](TestOutputs& outputs, Numbers& numbers) {
             add_rows(outputs, "output", 100, 4 + kClasses, numbers, [](Numbers& n, int c) {
                 return c < 4 ? n.place(1) : n.score();
             });
         }},
        {"ssd",
         named(HeadKind::kSsd, kClasses),
         [](TestOutputs& outputs, Numbers& numbers) {
             add_rows(
                 outputs, "boxes", 100, 4, numbers, [](Numbers& n, int) { return n.place(1); });
             for (float& value : outputs.add("scores", {kBatch, 100}))
                 value = numbers.score();
             for (float& value : outputs.add("classes", {kBatch, 100}))
                 value = numbers.coarse(0, kClasses - 1);
             for (float& value : outputs.add("number", {kBatch}))
                 value = numbers.coarse(60, 110);
         }},
    };
}

Fill centernet_of(const std::string& heat, int sizes, bool offset) {
    return [=](TestOutputs& outputs, Numbers& numbers) {
        const bool logits = heat.find("logit") != std::string::npos;
        add_columns(outputs, heat, {kClasses, 24, 40}, numbers, [=](Numbers& n, int) {
            return logits ? n.logit() : n.score();
        });
        add_columns(outputs, "wh", {sizes, 24, 40}, numbers, [=](Numbers& n, int) {
            return sizes == 2 ? n.size() / 4 : n.size();
        });
        if (!offset) return;
        add_columns(
            outputs, "reg", {2, 24, 40}, numbers, [](Numbers& n, int) { return n.place(1); });
    };
}

Fill nanodet_of(bool joined) {
    return [joined](TestOutputs& outputs, Numbers& numbers) {
        auto column = [=](Numbers& n, int c) {
            return joined && c < kClasses ? n.logit() : n.small();
        };
        if (joined) {
            add_rows(outputs, "output", kCells, kClasses + 32, numbers, column);
            return;
        }
        for (int cells : {240, 60, 15}) {
            const std::string name = std::to_string(cells);
            add_rows(outputs, "cls_" + name, cells, kClasses, numbers, [](Numbers& n, int) {
                return n.logit();
            });
            add_rows(outputs, "dis_" + name, cells, 32, numbers, column);
        }
    };
}

std::vector<HeadCase> map_cases() {
    return {
        {"centernet_edges", named(HeadKind::kCenternet), centernet_of("hm", 4, false)},
        {"centernet_offset", named(HeadKind::kCenternet), centernet_of("hm", 2, true)},
        {"centernet_logits", named(HeadKind::kCenternet), centernet_of("hm_logits", 2, true)},
        {"nanodet_joined",
         activated(HeadKind::kNanodet, ScoreActivation::kSigmoid, kClasses),
         nanodet_of(true)},
        {"nanodet_levels",
         activated(HeadKind::kNanodet, ScoreActivation::kSigmoid, kClasses),
         nanodet_of(false)},
        {"fastestdet",
         named(HeadKind::kFastestdet),
         [](TestOutputs& outputs, Numbers& numbers) {
             add_columns(outputs, "output", {5 + kClasses, 6, 10}, numbers, [](Numbers& n, int c) {
                 return c > 0 && c < 5 ? n.small() : n.fine();
             });
         }},
    };
}

std::vector<HeadCase> cases() {
    std::vector<HeadCase> all = yolo_cases();
    for (const auto& more : {list_cases(), map_cases()})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}

PostprocessOptions options_of(float threshold, ClusterMode mode = ClusterMode::kNms) {
    PostprocessOptions options;
    options.all.pre_cluster_threshold = threshold;
    options.all.nms_iou_threshold = 0.45f;
    options.cluster_mode = mode;
    return options;
}

/// A detector, and a host's twin, on made-up outputs.
class Twins {
public:
    Twins(const TestOutputs& outputs,
          const HeadOptions& head,
          const PostprocessOptions& options,
          memory::Size input = kInput)
        : outputs_(outputs) {
        auto layout = recognise(outputs.specs, input, head);
        EXPECT_TRUE(layout) << layout.error().text();
        host_ = Postprocessor::create(outputs.specs, *layout, options, {}).value();
        auto detector = Detector::create(outputs.specs, *layout, host_->clustering());
        EXPECT_TRUE(detector) << detector.error().text();
        detector_ = std::move(*detector);
        memory_ = detector_.allocate().value();
        for (const memory::TensorView& view : outputs.views) {
            buffers_.push_back(
                Buffer::create(Buffer::Kind::kDevice, view.floats().size_bytes()).value());
            EXPECT_TRUE(upload(view.data, buffers_.back(), "uploading made-up outputs"));
        }
    }

    void run(int count) {
        Detector::set_count(memory_, count);
        ASSERT_TRUE(detector_.enqueue(buffers_, memory_, stream_));
        auto done = stream_.wait();
        ASSERT_TRUE(done) << done.error().text();
    }
    bool on_device(int item, std::vector<meta::Detection>& found) const {
        return detector_.read(memory_, item, found);
    }

    /// Returns how many boxes that are.
    std::size_t expect_same(int item) {
        std::vector<meta::Detection> wanted;
        EXPECT_TRUE(host_->find(outputs_.views, static_cast<std::size_t>(item), wanted));
        std::vector<meta::Detection> got;
        EXPECT_TRUE(on_device(item, got));
        EXPECT_EQ(got.size(), wanted.size());
        for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
            EXPECT_EQ(got[i].class_id, wanted[i].class_id) << "box " << i;
            EXPECT_TRUE(near(got[i].score, wanted[i].score, 1e-6f)) << "box " << i;
            EXPECT_TRUE(near(got[i].box.left, wanted[i].box.left, 1e-3f)) << "box " << i;
            EXPECT_TRUE(near(got[i].box.top, wanted[i].box.top, 1e-3f)) << "box " << i;
            EXPECT_TRUE(near(got[i].box.width, wanted[i].box.width, 1e-3f)) << "box " << i;
            EXPECT_TRUE(near(got[i].box.height, wanted[i].box.height, 1e-3f)) << "box " << i;
            if (testing::Test::HasFailure()) break;
        }
        return wanted.size();
    }

private:
    static bool near(float a, float b, float tolerance) {
        return std::fabs(a - b) <= tolerance * std::max(1.f, std::fabs(b));
    }

    const TestOutputs& outputs_;
    std::unique_ptr<Postprocessor> host_;
    Detector detector_;
    DetectorMemory memory_;
    std::vector<Buffer> buffers_;
    Stream stream_ = Stream::create().value();
};

class EachHead : public OnDevice<testing::TestWithParam<HeadCase>> {
protected:
    /// In both runs: what the first leaves behind must not matter.
    static std::size_t expect_same(const PostprocessOptions& options, bool poisoned) {
        TestOutputs outputs;
        Numbers numbers(17, poisoned);
        GetParam().fill(outputs, numbers);
        Twins twins(outputs, GetParam().options, options);
        std::size_t boxes = 0;
        for (int round = 0; round < 2; ++round) {
            twins.run(kBatch);
            for (int item = 0; item < kBatch; ++item)
                boxes += twins.expect_same(item);
        }
        return boxes;
    }
};

TEST_P(EachHead, FindsWhatTheHostFinds) {
    EXPECT_GT(expect_same(options_of(0.5f), false), 20u) << "the test is too easy";
}

TEST_P(EachHead, FindsTheSameWhereAllIsOverTheThreshold) {
    EXPECT_GT(expect_same(options_of(0), false), 40u) << "the test is too easy";
}

TEST_P(EachHead, FindsNothingWhereNothingIs) {
    EXPECT_EQ(expect_same(options_of(2), false), 0u);
}

TEST_P(EachHead, DropsWhatIsNotFinite) {
    expect_same(options_of(0.25f), true);
}

TEST_P(EachHead, KeepsOverlapsWithoutClustering) {
    expect_same(options_of(0.5f, ClusterMode::kNone), false);
}

TEST_P(EachHead, ClustersAcrossClassesWithThresholdsByClass) {
    PostprocessOptions options = options_of(0.5f);
    options.nms_class_agnostic = true;
    ClassAttributes strict = options.all;
    strict.pre_cluster_threshold = 0.75f;
    strict.nms_iou_threshold = 0.1f;
    options.by_class = {{1, strict}};
    options.filter_out_class_ids = {2};
    EXPECT_GT(expect_same(options, false), 10u) << "the test is too easy";
}

INSTANTIATE_TEST_SUITE_P(All, EachHead, testing::ValuesIn(cases()), [](const auto& test) {
    return test.param.name;
});

class CudaDetector : public OnDevice<> {
protected:
    /// Rows of YOLOv5 on a large picture; whole numbers, so that all arithmetic is exact.
    static void fill(TestOutputs& outputs, int rows, int classes, const Column& of = scattered) {
        Numbers numbers(5, false);
        add_rows(outputs, "output", rows, 5 + classes, numbers, of);
    }

    static float scattered(Numbers& n, int column) {
        return column < 2 ? n.coarse(0, 640) : column < 4 ? 2 * n.coarse(5, 40) : n.fine();
    }
    /// All on 81 places, so that most suppress one another.
    static float piled(Numbers& n, int column) {
        return column < 2   ? 64 * n.coarse(1, 9) + n.coarse(0, 3)
               : column < 4 ? 2 * n.coarse(20, 24)
                            : n.fine();
    }
    static float of_all_sizes(Numbers& n, int column) {
        if (column < 2) return n.coarse(0, 640);
        return column < 4 ? 2 * n.coarse(1, 1 << static_cast<int>(n.coarse(0, 7))) : n.fine();
    }

    static void expect_same(const TestOutputs& outputs, const PostprocessOptions& options) {
        Twins twins(outputs, named(HeadKind::kYolov5), options, {640, 640});
        for (int count : {1, kBatch})
            twins.run(count);
        for (int item = 0; item < kBatch; ++item)
            EXPECT_GT(twins.expect_same(item), 50u);
    }
};

TEST_F(CudaDetector, ClustersThousandsOfCandidates) {
    struct Crowd {
        int rows;
        int classes;  // the fewer, the larger are the groups
    };
    for (const Crowd& crowd : {Crowd{8400, 1}, {8400, 3}, {8400, 80}, {kMostCandidates, 1}}) {
        for (bool agnostic : {false, true}) {
            TestOutputs outputs;
            fill(outputs, crowd.rows, crowd.classes);
            PostprocessOptions options = options_of(0);
            options.nms_class_agnostic = agnostic;
            SCOPED_TRACE(std::to_string(crowd.rows) + " " + std::to_string(crowd.classes));
            expect_same(outputs, options);
        }
    }
}

TEST_F(CudaDetector, ClustersWhatLiesInPilesOrIsOfAllSizes) {
    for (const Column& of : {Column(piled), Column(of_all_sizes)}) {
        for (int classes : {1, 3}) {
            TestOutputs outputs;
            fill(outputs, 8400, classes, of);
            PostprocessOptions options = options_of(0);
            expect_same(outputs, options);
            options.nms_class_agnostic = true;
            options.all.nms_iou_threshold = 0;  // whatever touches
            expect_same(outputs, options);
        }
    }
}

/// Crowds of a few hundred, each way of clustering them once: what racecheck ends with in seconds.
class CudaClusters : public CudaDetector {
protected:
    static void expect_same(const Column& of,
                            const PostprocessOptions& options,
                            int classes,
                            int rows = 600) {
        TestOutputs outputs;
        fill(outputs, rows, classes, of);
        Twins twins(outputs, named(HeadKind::kYolov5), options, {640, 640});
        twins.run(kBatch);
        for (int item = 0; item < kBatch; ++item)
            EXPECT_GT(twins.expect_same(item), 5u) << "the test is too easy";
    }
    static PostprocessOptions agnostic() {
        PostprocessOptions options = options_of(0);
        options.nms_class_agnostic = true;
        return options;
    }

    /// In one place, where many overlap and few are kept, or quite a few.
    static float heaped(Numbers& n, int column) {
        return column < 2 ? 100 + n.coarse(0, 40) : column < 4 ? 2 * n.coarse(20, 24) : n.fine();
    }
    static float tangled(Numbers& n, int column) {
        return column < 2 ? n.coarse(0, 120) : column < 4 ? 2 * n.coarse(10, 60) : n.fine();
    }
    /// More of one score than are decided at a time.
    static float tied(Numbers& n, int column) {
        return column < 4 ? tangled(n, column) : n.coarse(1, 2) / 2;
    }
};

TEST_F(CudaClusters, SmallHandful) {
    expect_same(scattered, options_of(0), 3, 40);
    expect_same(heaped, options_of(0), 1, 200);
}

TEST_F(CudaClusters, SmallOfAllSizes) {
    expect_same(of_all_sizes, options_of(0), 3);
    expect_same(of_all_sizes, agnostic(), 3);
}

TEST_F(CudaClusters, SmallHeaps) {
    expect_same(heaped, options_of(0), 1);
    expect_same(heaped, agnostic(), 3);
}

TEST_F(CudaClusters, SmallTangles) {
    expect_same(tangled, options_of(0), 1);
    expect_same(tangled, options_of(0), 3);
}

TEST_F(CudaClusters, SmallTies) {
    expect_same(tied, options_of(0), 1);
}

TEST_F(CudaClusters, SmallWithoutSuppression) {
    expect_same(scattered, options_of(0, ClusterMode::kNone), 3);
}

TEST_F(CudaDetector, LeavesMoreThanItHasRoomForToTheHost) {
    TestOutputs outputs;
    fill(outputs, kMostCandidates + 500, 2);
    Twins all(outputs, named(HeadKind::kYolov5), options_of(0), {640, 640});
    all.run(kBatch);
    std::vector<meta::Detection> found(3);
    EXPECT_FALSE(all.on_device(1, found));
    EXPECT_TRUE(found.empty());
    Twins some(outputs, named(HeadKind::kYolov5), options_of(0.6f), {640, 640});
    some.run(kBatch);
    some.expect_same(1);
}

TEST_F(CudaDetector, LeavesUnknownClassesToTheHost) {
    TestOutputs outputs;
    outputs.add("output", {2, 2, 6}) = {0, 0, 9, 9, 0.9f, 7, 0, 0, 9, 9, 0.1f, 7,  // over, under
                                        0, 0, 9, 9, 0.9f, 1, 0, 0, 9, 9, 0.1f, 7};
    Twins twins(outputs, named(HeadKind::kEndToEnd, 3), options_of(0.5f));
    twins.run(2);
    std::vector<meta::Detection> found;
    EXPECT_FALSE(twins.on_device(0, found));
    EXPECT_EQ(twins.expect_same(1), 1u);
}

TEST_F(CudaDetector, LooksAtNoMoreItemsThanThereAre) {
    TestOutputs outputs;
    Numbers numbers(3, false);
    add_rows(outputs, "output", 500, 5 + kClasses, numbers, yolo_column);
    Twins twins(outputs, named(HeadKind::kYolov5), options_of(0.5f));
    twins.run(kBatch);
    twins.run(1);
    EXPECT_GT(twins.expect_same(0), 0u);
    std::vector<meta::Detection> found;
    EXPECT_TRUE(twins.on_device(1, found));
    EXPECT_TRUE(found.empty());
}

TEST(DetectorBoxes, ComeByFallingScoreAndThenByCell) {
    constexpr unsigned kOf = 3;  // classes
    std::vector<FoundBox> boxes{{1, 0, 5, 5, 0.5f, 7 * kOf + 2},
                                {2, 0, 5, 5, 0.9f, 9 * kOf + 0},
                                {3, 0, 5, 5, 0.5f, 4 * kOf + 1}};
    std::vector<meta::Detection> found;
    read_boxes(boxes, kOf, found);
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].box.left, 2);
    EXPECT_EQ(found[1].box.left, 3);
    EXPECT_EQ(found[2].box.left, 1);
    EXPECT_EQ(found[2].class_id, meta::ClassId(2));
}

TEST(DecodeArgs, NamesAHeadThatTheDeviceDoesNotDecode) {
    TestOutputs outputs;
    outputs.add("output", {1, 1, 10, 7});
    auto layout = recognise(outputs.specs, kInput, named(HeadKind::kDetectionOutput)).value();
    auto args = decode_args(outputs.specs, layout, 0.5f);
    ASSERT_FALSE(args);
    EXPECT_EQ(args.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(args.error().message.find("detection-output"), std::string::npos);
}

TEST(DecodeArgs, FollowsEveryHeadItKnows) {
    for (const HeadCase& head : cases()) {
        TestOutputs outputs;
        Numbers numbers(1, false);
        head.fill(outputs, numbers);
        auto layout = recognise(outputs.specs, kInput, head.options);
        ASSERT_TRUE(layout) << head.name << ": " << layout.error().text();
        auto args = decode_args(outputs.specs, *layout, 0.5f);
        EXPECT_TRUE(args) << head.name << ": " << args.error().text();
    }
}

}  // namespace
}  // namespace sluice::infer::cuda
