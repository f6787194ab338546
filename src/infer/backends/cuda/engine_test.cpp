#include "sluice/infer/backends/cuda/engine.h"

#include <thread>

#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/build_network.h"
#include "sluice/infer/backends/cuda/compile.h"
#include "sluice/infer/backends/cuda/device_testing.h"
#include "sluice/infer/backends/cuda/engine_file.h"
#include "sluice/infer/backends/cuda/test_graphs.h"
#include "sluice/infer/backends/openvino/compile.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/quantize.h"
#include "sluice/infer/calibration_file.h"
#include "sluice/infer/folder_testing.h"
#include "sluice/infer/kept_engines.h"
#include "sluice/infer/model_hash.h"
#include "sluice/infer/runner.h"

namespace sluice::infer::cuda {
namespace {

constexpr int kSide = 64;
constexpr memory::Size kSize{kSide, kSide};
constexpr int kClasses = 5;

/// A made-up detector, as a YOLOX of one stride: the boxes follow the pixels, any which way.
std::shared_ptr<ov::Model> made_up_detector(int columns = 5 + kClasses) {
    return graph_of("detector",
                    {1, 3, kSide, kSide},
                    [columns](const Port& pixels) -> ov::OutputVector {
                        const Port x = make<ov::op::v1::Multiply>(pixels, number(1.0f / 255));
                        const Port cells = convolve(x, static_cast<std::size_t>(columns), 8, 8, 0);
                        const Port rows = reshape(cells, {-1, columns, kSide * kSide / 64});
                        return {transpose(rows, {0, 2, 1})};
                    })
        .make();
}

/// An RGB picture that looks random, the same for the same seed.
struct Picture {
    explicit Picture(unsigned seed) {
        for (float value : random_numbers(std::size_t{3} * kSide * kSide, seed, 0, 255))
            pixels.push_back(static_cast<std::uint8_t>(value));
    }
    memory::ImageView view() const {
        memory::ImageView view;
        view.format = memory::PixelFormat::kRgb;
        view.size = kSize;
        view.data[0] = pixels.data();
        view.stride[0] = kSide * 3;
        return view;
    }
    std::vector<std::uint8_t> pixels;
};

constexpr image::Rect kWhole{0, 0, kSide, kSide};

class CudaStages : public OnDevice<> {
protected:
    CudaStages() { postprocess.all.pre_cluster_threshold = 0.05f; }

    /// None where that fails.
    std::unique_ptr<Engine> make_engine(int batch) const {
        EngineOptions options;
        options.precision = Precision::kFp32;
        options.batch_size = batch;
        auto engine = compile("made up", *made_up_detector(), options, {}, 0);
        EXPECT_TRUE(engine) << engine.error().text();
        return engine ? std::move(*engine) : nullptr;
    }
    image::PreprocessPlan pixels_of(const Engine& engine) const {
        return plan(preprocess, engine.inputs()[0]).value();
    }
    static HeadLayout head_of(const Engine& engine) {
        HeadOptions options;
        options.head = HeadKind::kYolox;
        options.strides = {8};
        return recognise(engine.outputs(), kSize, options).value();
    }
    /// An engine that does all it can; none where that fails.
    std::unique_ptr<Engine> make_taking(int batch, bool outputs) const {
        auto engine = make_engine(batch);
        if (!engine) return nullptr;
        const HeadLayout head = head_of(*engine);
        const TakenStages taken =
            engine->take_stages({pixels_of(*engine), &head, &postprocess, outputs});
        EXPECT_TRUE(taken.pixels);
        EXPECT_TRUE(taken.detections);
        return engine;
    }
    static void put(Request& request, int item, const Picture& picture) {
        auto placed = request.put(item, picture.view(), kWhole);
        ASSERT_TRUE(placed) << placed.error().text();
    }
    static void run(Engine& engine, Request& request) {
        auto started = engine.submit(request);
        ASSERT_TRUE(started) << started.error().text();
        auto done = engine.wait(request);
        ASSERT_TRUE(done) << done.error().text();
    }

    PreprocessOptions preprocess;
    PostprocessOptions postprocess;
};

void expect_same(const std::vector<meta::Detection>& got,
                 const std::vector<meta::Detection>& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_EQ(got[i].class_id, wanted[i].class_id);
        EXPECT_NEAR(got[i].score, wanted[i].score, 1e-5);
        EXPECT_NEAR(got[i].box.left, wanted[i].box.left, 0.01);
        EXPECT_NEAR(got[i].box.bottom(), wanted[i].box.bottom(), 0.01);
    }
}

const std::string kQuantised = SLUICE_SOURCE_DIR "/tests/models/qdq.onnx";

TEST(DecidedPrecision, OfAModelThatIsQuantisedIsInt8) {
    const auto model = openvino_core().read_model(kQuantised);
    const auto decided = decide(kQuantised, *model, {}, "some GPU");
    ASSERT_TRUE(decided) << decided.error().text();
    EXPECT_EQ(decided.value().options.precision, Precision::kInt8);
    EngineOptions exact;
    exact.precision = Precision::kFp16;
    EXPECT_EQ(decide(kQuantised, *model, exact, "some GPU").value().options.precision,
              Precision::kFp16);
    const std::shared_ptr<ov::Model> plain = made_up_detector();
    EXPECT_EQ(decide("made up", *plain, {}, "some GPU").value().options.precision,
              Precision::kAuto);
}

TEST_F(CudaStages, TakeAQuantisedModelAsItIs) {
    const auto model = openvino_core().read_model(kQuantised);
    auto engine = compile(kQuantised, *model, {}, {}, 0);
    ASSERT_TRUE(engine) << engine.error().text();
    EXPECT_NE((*engine)->description().find("int8 ("), std::string::npos)
        << (*engine)->description();
}

TEST_F(CudaStages, SayWhatIsInInt8) {
    const auto model =
        graph_of("twice", {1, 3, kSide, kSide}, [](const Port& x) -> ov::OutputVector {
            const Port y = make<ov::op::v0::Relu>(convolve(x, 32, 3, 2, 1));
            return {convolve(y, 16, 3, 1, 1, 2)};
        }).make();
    Calibration calibration;
    for (const QuantizableLayer& layer :
         quantizable_layers(*prepare("made up", *model, {}, 1).value().model))
        calibration.tensors.push_back({layer.input, -256.0f * 128 / 127, 256.0f});
    EngineOptions options;
    options.precision = Precision::kInt8;
    options.calibration = std::make_shared<const Calibration>(calibration);
    auto engine = compile("made up", *model, options, {}, 0);
    ASSERT_TRUE(engine) << engine.error().text();
    // The first layer reads pixels.
    EXPECT_NE((*engine)->description().find("int8 (1 of 2 convolutions) and fp16"),
              std::string::npos)
        << (*engine)->description();

    options.precision = Precision::kBf16;
    const auto refused = compile("made up", *model, options, {}, 0);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text().find("int8, fp16 and fp32 are"), std::string::npos);
}

TEST_F(CudaStages, GiveWhatTheHostMakesOfTheSamePixels) {
    constexpr int kBatch = 3;
    auto plain = make_engine(kBatch);
    ASSERT_TRUE(plain);
    auto taking = make_taking(kBatch, true);
    ASSERT_TRUE(taking);
    auto by_host = plain->create_request().value();
    auto by_device = taking->create_request().value();
    auto preprocessor = image::Preprocessor::create(pixels_of(*plain)).value();
    auto host = Postprocessor::create(plain->outputs(), head_of(*plain), postprocess, {}).value();
    for (unsigned round = 0; round < 3; ++round) {
        const std::vector<Picture> pictures{
            Picture(3 * round), Picture(3 * round + 1), Picture(3 * round + 2)};
        for (int i = 0; i < kBatch; ++i) {
            const Picture& picture = pictures[static_cast<std::size_t>(i)];
            put(*by_device, i, picture);
            ASSERT_TRUE(preprocessor.run(picture.view(), kWhole, by_host->item(0, i).data()));
        }
        run(*plain, *by_host);
        run(*taking, *by_device);
        const auto wanted = by_host->outputs()[0].floats();
        const auto got = by_device->outputs()[0].floats();
        ASSERT_EQ(got.size(), wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i)
            ASSERT_NEAR(got[i], wanted[i], 1e-3) << i;
        for (int i = 0; i < kBatch; ++i) {
            std::vector<meta::Detection> by_heads;
            std::vector<meta::Detection> found;
            ASSERT_TRUE(host->find(by_device->outputs(), static_cast<std::size_t>(i), by_heads));
            ASSERT_TRUE(by_device->detections(i, found));
            EXPECT_GT(found.size(), 3u) << "the test is too easy";
            expect_same(found, by_heads);
        }
    }
}

TEST_F(CudaStages, ReadPicturesOfTheDevice) {
    auto engine = make_taking(1, false);
    ASSERT_TRUE(engine);
    auto request = engine->create_request().value();
    const Picture picture(5);
    put(*request, 0, picture);
    run(*engine, *request);
    std::vector<meta::Detection> from_host;
    ASSERT_TRUE(request->detections(0, from_host));

    const auto there = uploaded(picture.pixels);
    memory::ImageView view = picture.view();
    view.data[0] = reinterpret_cast<const std::uint8_t*>(there.data());
    view.device = 0;
    ASSERT_TRUE(request->put(0, view, kWhole));
    run(*engine, *request);
    std::vector<meta::Detection> from_device;
    ASSERT_TRUE(request->detections(0, from_device));
    EXPECT_GT(from_device.size(), 3u);
    expect_same(from_device, from_host);
    EXPECT_TRUE(request->outputs().empty()) << "nobody wanted them";
    EXPECT_TRUE(request->item(0, 0).empty()) << "pictures are put instead";
}

TEST_F(CudaStages, HandleBatchesThatAreNotFull) {
    auto engine = make_taking(4, false);
    ASSERT_TRUE(engine);
    auto request = engine->create_request().value();
    const std::vector<Picture> pictures{Picture(0), Picture(1), Picture(2), Picture(3)};
    std::vector<std::vector<meta::Detection>> alone(4);
    request->set_count(1);
    for (std::size_t i = 0; i < 4; ++i) {
        put(*request, 0, pictures[i]);
        run(*engine, *request);
        ASSERT_TRUE(request->detections(0, alone[i]));
    }
    for (int count : {4, 2, 3}) {
        for (int i = 0; i < count; ++i)
            put(*request, i, pictures[static_cast<std::size_t>(i)]);
        request->set_count(count);
        run(*engine, *request);
        for (int i = 0; i < count; ++i) {
            std::vector<meta::Detection> found;
            ASSERT_TRUE(request->detections(i, found));
            expect_same(found, alone[static_cast<std::size_t>(i)]);
        }
    }
}

TEST_F(CudaStages, RefuseItemsWithoutAPicture) {
    auto engine = make_taking(2, false);
    ASSERT_TRUE(engine);
    auto request = engine->create_request().value();
    const Picture picture(1);
    put(*request, 0, picture);
    EXPECT_FALSE(engine->submit(*request)) << "item 1 is missing";
    EXPECT_FALSE(request->put(0, picture.view(), {900, 900, 10, 10}));
    put(*request, 0, picture);
    put(*request, 1, picture);
    run(*engine, *request);
}

TEST_F(CudaStages, RefuseARequestThatRuns) {
    auto engine = make_taking(1, false);
    ASSERT_TRUE(engine);
    auto request = engine->create_request().value();
    const Picture picture(1);
    put(*request, 0, picture);
    ASSERT_TRUE(engine->submit(*request));
    EXPECT_EQ(engine->submit(*request).error().code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(request->put(0, picture.view(), kWhole));
    ASSERT_TRUE(engine->wait(*request));
    EXPECT_TRUE(engine->wait(*request)) << "none runs";
}

TEST_F(CudaStages, LetTheHostSayWhatIsWrongWithAClass) {
    EngineOptions options;
    auto compiled = compile("made up", *made_up_detector(6), options, {}, 0);
    ASSERT_TRUE(compiled) << compiled.error().text();
    const std::unique_ptr<Engine> engine = std::move(*compiled);
    HeadOptions rows_of_six;
    rows_of_six.head = HeadKind::kEndToEnd;
    rows_of_six.num_detected_classes = 1;
    const HeadLayout head = recognise(engine->outputs(), kSize, rows_of_six).value();
    ASSERT_TRUE(engine->take_stages({pixels_of(*engine), &head, &postprocess, false}).detections);
    auto request = engine->create_request().value();
    const Picture picture(1);
    put(*request, 0, picture);
    run(*engine, *request);
    std::vector<meta::Detection> found;
    auto outcome = request->detections(0, found);
    ASSERT_FALSE(outcome) << "numbers of any size are no classes";
    EXPECT_NE(outcome.error().message.find("reports class"), std::string::npos);
}

TEST_F(CudaStages, ServeTwoThreadsAtOnce) {
    auto engine = make_taking(2, false);
    ASSERT_TRUE(engine);
    auto work = [&](unsigned seed) {
        auto request = engine->create_request().value();
        const std::vector<Picture> pictures{Picture(seed), Picture(seed + 1)};
        std::vector<meta::Detection> first;
        for (int round = 0; round < 50; ++round) {
            for (int i = 0; i < 2; ++i)
                put(*request, i, pictures[static_cast<std::size_t>((round + i) % 2)]);
            run(*engine, *request);
            std::vector<meta::Detection> found;
            ASSERT_TRUE(request->detections(round % 2, found));
            if (round == 0) first = found;
            expect_same(found, first);
        }
    };
    std::thread other(work, 10u);
    work(20u);
    other.join();
}

/// What a Runner on that device makes of one picture.
Result<meta::Frame> frame_by(const std::string& device) {
    RunnerOptions options;
    options.model = testing::TempDir() + "sluice_made_up_detector.xml";
    ov::serialize(made_up_detector(), options.model);
    options.file = SLUICE_TRY(ModelFile::parse(
        "{head: yolox, strides: [8], pre-cluster-threshold: 0.05}", "made_up.yaml"));
    options.engine.precision = Precision::kFp32;
    options.engine.device = device;
    auto runner = SLUICE_TRY(Runner::create(options));
    EXPECT_EQ(runner->taken().pixels, device == "cuda");
    EXPECT_EQ(runner->taken().detections, device == "cuda");
    auto slot = SLUICE_TRY(runner->make_slot());
    const Picture picture(3);
    meta::Frame frame;
    frame.source_size = frame.size = kSize;
    frame.content = {0, 0, kSide, kSide};
    SLUICE_TRY(runner->add(slot, picture.view(), whole_frame(frame)));
    SLUICE_TRY(runner->submit(slot));
    SLUICE_TRY(runner->wait(slot));
    SLUICE_TRY(runner->read(slot, nullptr));
    return frame;
}

TEST(MadeUpDetector, FindsBoxesOnTheCpu) {
    auto frame = frame_by("cpu");
    if (!frame) GTEST_SKIP() << frame.error().text();
    EXPECT_GT(frame->objects.size(), 3u);
}

TEST_F(CudaStages, LetTheRunnerFindWhatItFindsOnTheCpu) {
    auto gpu = frame_by("cuda");
    ASSERT_TRUE(gpu) << gpu.error().text();
    EXPECT_GT(gpu->objects.size(), 3u);
    auto cpu = frame_by("cpu");
    if (!cpu) GTEST_SKIP() << cpu.error().text();
    ASSERT_EQ(gpu->objects.size(), cpu->objects.size());
    for (std::size_t i = 0; i < cpu->objects.size(); ++i) {
        EXPECT_EQ(gpu->objects[i].class_id, cpu->objects[i].class_id);
        EXPECT_EQ(gpu->objects[i].label, cpu->objects[i].label);
        EXPECT_NEAR(gpu->objects[i].box.left, cpu->objects[i].box.left, 0.1);
        EXPECT_NEAR(gpu->objects[i].box.width, cpu->objects[i].box.width, 0.1);
    }
}

class HashForInt8 : public InFolder {
protected:
    HashForInt8() {
        write(model_, "its bytes count");
        options_.precision = Precision::kInt8;
    }
    void calibrate_for(const std::string& hash) const {
        Calibration made;
        made.model = hash;
        made.tensors.push_back({"x", -1, 1});
        ASSERT_TRUE(write_calibration(made, calibration_beside(model_)));
    }

    const std::string model_ = file("m.onnx");
    EngineOptions options_;
};

TEST_F(HashForInt8, PutsTheCalibrationIntoTheOptions) {
    calibrate_for(model_hash(model_).value());
    EXPECT_EQ(hash_for(model_, options_).value(), model_hash(model_).value());
    ASSERT_TRUE(options_.calibration);
    EXPECT_EQ(options_.calibration->tensors[0].tensor, "x");
    write(model_, "not read again: others");
    EXPECT_EQ(hash_for(model_, options_).value(), options_.calibration->model);
}

TEST_F(HashForInt8, LeavesOutACalibrationOfAnotherModel) {
    calibrate_for(std::string(64, 'a'));
    EXPECT_EQ(hash_for(model_, options_).value(), model_hash(model_).value());
    EXPECT_FALSE(options_.calibration);
}

TEST_F(HashForInt8, ReadsNoCalibrationForOtherPrecisions) {
    calibrate_for(model_hash(model_).value());
    options_.precision = Precision::kFp16;
    EXPECT_EQ(hash_for(model_, options_).value(), model_hash(model_).value());
    EXPECT_FALSE(options_.calibration);
}

class CudaEngineCache : public OnDevice<InFolder> {
protected:
    CudaEngineCache() { write(model_, "its bytes count, and are not read"); }
    void run_tuned(int batch) const {
        EngineOptions options;
        options.plans = Plans::kTuned;
        options.batch_size = batch;
        auto engine = compile(model_, *made_up_detector(), options, {}, 0);
        ASSERT_TRUE(engine) << engine.error().text();
    }
    std::vector<KeptEngine> kept() const { return kept_engines(model_).value(); }

    const std::string model_ = file("m.onnx");
    const Variable cache_{"XDG_CACHE_HOME", file("cache")};
};

TEST_F(CudaEngineCache, KeepsWhatTunedRunsMake) {
    run_tuned(1);
    ASSERT_EQ(kept().size(), 1u);
    EXPECT_EQ(kept()[0].state, EngineState::kFits) << kept()[0].why;
    EXPECT_EQ(kept()[0].model, whole_path(model_));
    const std::string text = text_of(kept()[0].file);
    EXPECT_NE(text.find("\nplan "), std::string::npos);
    run_tuned(1);
    EXPECT_EQ(text_of(kept()[0].file), text);
    run_tuned(2);
    EXPECT_EQ(kept()[0].batches, (std::vector<int>{1, 2}));
}

TEST_F(CudaEngineCache, KeepsNothingWhereAnEngineWasBuilt) {
    BuildOptions options;
    auto built = build(model_, *made_up_detector(), {}, {}, options, 0);
    ASSERT_TRUE(built) << built.error().text();
    run_tuned(1);
    ASSERT_EQ(kept().size(), 1u);
    EXPECT_EQ(kept()[0].file, built->file);
    EXPECT_EQ(kept()[0].state, EngineState::kFits) << kept()[0].why;
}

}  // namespace
}  // namespace sluice::infer::cuda
