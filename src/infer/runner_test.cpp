#include "sluice/infer/runner.h"

#include <array>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/openvino/test_models.h"

namespace sluice::infer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// An RGB picture of one brightness, or of two halves side by side.
class Picture {
public:
    Picture(memory::Size size, int left, int right) : size_(size) {
        for (int y = 0; y < size.height; ++y) {
            for (int x = 0; x < size.width; ++x)
                pixels_.insert(
                    pixels_.end(), 3, static_cast<std::uint8_t>(x < size.width / 2 ? left : right));
        }
    }
    Picture(memory::Size size, int gray) : Picture(size, gray, gray) {}

    memory::ImageView view() const {
        memory::ImageView view;
        view.format = memory::PixelFormat::kRgb;
        view.size = size_;
        view.data[0] = pixels_.data();
        view.stride[0] = size_.width * 3;
        return view;
    }

private:
    memory::Size size_;
    std::vector<std::uint8_t> pixels_;
};

meta::Frame frame_of(memory::Size size) {
    meta::Frame frame;
    frame.source_size = frame.size = size;
    frame.content = {0, 0, static_cast<float>(size.width), static_cast<float>(size.height)};
    return frame;
}

RunnerOptions options_of(const std::string& model, int batch_size = 1) {
    RunnerOptions options;
    options.model = micro_model(model);
    auto file = ModelFile::beside(options.model);
    EXPECT_TRUE(file);
    if (file) options.file = *file;
    options.engine.precision = Precision::kFp32;
    options.engine.batch_size = batch_size;
    return options;
}

std::unique_ptr<Runner> runner_of(const RunnerOptions& options) {
    auto runner = Runner::create(options);
    EXPECT_TRUE(runner) << runner.error().text();
    return runner ? std::move(*runner) : nullptr;
}

void finish(Runner& runner, Runner::Slot& slot, ObjectCache* cache = nullptr) {
    ASSERT_TRUE(runner.submit(slot));
    ASSERT_TRUE(runner.wait(slot));
    ASSERT_TRUE(runner.read(slot, cache));
}

constexpr memory::Size kSize{60, 40};

TEST(Runner, WritesWhatADetectorFindsIntoTheFrame) {
    auto runner = runner_of(options_of("brightness_box"));
    ASSERT_TRUE(runner);
    EXPECT_FALSE(runner->classifies());
    auto slot = runner->make_slot().value();
    Picture picture(kSize, 204);
    meta::Frame frame = frame_of(kSize);
    ASSERT_TRUE(runner->add(slot, picture.view(), whole_frame(frame)));
    finish(*runner, slot);

    ASSERT_EQ(frame.objects.size(), 1u);
    EXPECT_NEAR(frame.objects[0].score, 0.8, 1e-4);
    EXPECT_EQ(frame.objects[0].label.view(), "blob");
    // 1,1 to 5,3 of the network's 6 x 4.
    EXPECT_NEAR(frame.objects[0].box.left, 10, 0.01);
    EXPECT_NEAR(frame.objects[0].box.bottom(), 30, 0.01);
    EXPECT_EQ(frame.objects[0].parent, meta::kNoParent);
    EXPECT_EQ(slot.size(), 0) << "read() empties the slot";
}

TEST(Runner, GivesEachItemOfABatchToItsOwnFrame) {
    auto runner = runner_of(options_of("brightness_box", 3));
    ASSERT_TRUE(runner);
    auto slot = runner->make_slot().value();
    std::array<meta::Frame, 2> frames{frame_of(kSize), frame_of({30, 20})};
    ASSERT_TRUE(runner->add(slot, Picture(kSize, 102).view(), whole_frame(frames[0])));
    ASSERT_TRUE(runner->add(slot, Picture({30, 20}, 204).view(), whole_frame(frames[1])));
    EXPECT_FALSE(runner->full(slot)) << "two of three";
    finish(*runner, slot);
    EXPECT_NEAR(frames[0].objects.at(0).score, 0.4, 1e-4);
    EXPECT_NEAR(frames[1].objects.at(0).score, 0.8, 1e-4);
}

TEST(Runner, ReusesASlot) {
    auto runner = runner_of(options_of("brightness_box"));
    ASSERT_TRUE(runner);
    auto slot = runner->make_slot().value();
    for (int gray : {102, 204}) {
        meta::Frame frame = frame_of(kSize);
        ASSERT_TRUE(runner->add(slot, Picture(kSize, gray).view(), whole_frame(frame)));
        EXPECT_TRUE(runner->full(slot));
        finish(*runner, slot);
        EXPECT_NEAR(frame.objects.at(0).score, gray / 255.0, 1e-4);
    }
}

TEST(Runner, PutsBoxesIntoTheProcessingResolution) {
    auto runner = runner_of(options_of("brightness_box"));
    ASSERT_TRUE(runner);
    auto slot = runner->make_slot().value();
    meta::Frame frame = frame_of(kSize);
    frame.size = {120, 120};  // with bars above and below
    frame.content = {0, 20, 120, 80};
    ASSERT_TRUE(runner->add(slot, Picture(kSize, 204).view(), whole_frame(frame)));
    finish(*runner, slot);
    EXPECT_NEAR(frame.objects.at(0).box.left, 20, 0.01);
    EXPECT_NEAR(frame.objects.at(0).box.top, 40, 0.01);
}

TEST(Runner, FindsObjectsOnAnObject) {
    auto runner = runner_of(options_of("brightness_box"));
    ASSERT_TRUE(runner);
    auto slot = runner->make_slot().value();
    meta::Frame frame = frame_of(kSize);
    meta::Object parent;
    parent.box = {30, 10, 30, 20};
    frame.objects.push_back(parent);
    ASSERT_TRUE(runner->add(slot, Picture(kSize, 0, 255).view(), object_of(frame, 0)));
    finish(*runner, slot);
    ASSERT_EQ(frame.objects.size(), 2u);
    EXPECT_EQ(frame.objects[1].parent, 0);
    EXPECT_NEAR(frame.objects[1].score, 1, 0.01) << "the dark half was looked at";
    EXPECT_NEAR(frame.objects[1].box.left, 35, 0.01);
    EXPECT_NEAR(frame.objects[1].box.top, 15, 0.01);
}

TEST(Runner, LabelsAnObjectAndRemembersItsTrack) {
    auto runner = runner_of(options_of("brightness_class"));
    ASSERT_TRUE(runner);
    EXPECT_TRUE(runner->classifies());
    auto slot = runner->make_slot().value();
    meta::Frame frame = frame_of(kSize);
    meta::Object car;
    car.box = {2, 2, 20, 30};
    car.track_id = meta::TrackId(9);
    frame.objects.push_back(car);
    ObjectCache cache;
    ASSERT_TRUE(cache.ask({frame.source, car.track_id, 0, car.box.area()}, 100));
    ASSERT_TRUE(runner->add(slot, Picture(kSize, 20, 255).view(), object_of(frame, 0)));
    finish(*runner, slot, &cache);
    ASSERT_EQ(frame.objects[0].labels.size(), 1u);
    EXPECT_EQ(frame.objects[0].labels[0].value.view(), "dark");
    const auto* known = cache.find(frame.source, car.track_id);
    ASSERT_TRUE(known);
    EXPECT_EQ(known->at(0).value.view(), "dark");
}

TEST(Runner, HangsWhatIsSaidOfAWholeFrameOnAnObjectOfItsOwn) {
    auto runner = runner_of(options_of("brightness_class"));
    ASSERT_TRUE(runner);
    auto slot = runner->make_slot().value();
    meta::Frame frame = frame_of(kSize);
    ASSERT_TRUE(runner->add(slot, Picture(kSize, 250).view(), whole_frame(frame)));
    finish(*runner, slot);
    ASSERT_EQ(frame.objects.size(), 1u);
    EXPECT_EQ(frame.objects[0].class_id, meta::ClassId(-1));
    EXPECT_EQ(frame.objects[0].box, (meta::PixelBox{0, 0, 60, 40}));
    EXPECT_EQ(frame.objects[0].labels.at(0).value.view(), "bright");
}

TEST(Runner, KeepsTensorsOfAModelThatSaysNothingElse) {
    RunnerOptions options = options_of("identity", 2);
    ASSERT_TRUE(options.file.set("head", "tensors"));
    auto runner = runner_of(options);
    ASSERT_TRUE(runner);
    auto slot = runner->make_slot().value();
    std::array<meta::Frame, 2> frames{frame_of({6, 4}), frame_of({6, 4})};
    ASSERT_TRUE(runner->add(slot, Picture({6, 4}, 10).view(), whole_frame(frames[0])));
    ASSERT_TRUE(runner->add(slot, Picture({6, 4}, 200).view(), whole_frame(frames[1])));
    finish(*runner, slot);
    for (const meta::Frame& frame : frames) {
        ASSERT_EQ(frame.tensors.size(), 1u);
        EXPECT_EQ(frame.tensors[0]->name, "same");
        EXPECT_THAT(frame.tensors[0]->shape, ElementsAre(3, 4, 6));
        EXPECT_EQ(frame.tensors[0]->values.size(), 72u);
    }
    EXPECT_LT(frames[0].tensors[0]->values[0], frames[1].tensors[0]->values[0]);
}

TEST(Runner, DiscardsWhatNobodyWants) {
    auto runner = runner_of(options_of("brightness_box"));
    ASSERT_TRUE(runner);
    auto slot = runner->make_slot().value();
    {
        meta::Frame gone = frame_of(kSize);
        ASSERT_TRUE(runner->add(slot, Picture(kSize, 204).view(), whole_frame(gone)));
        ASSERT_TRUE(runner->submit(slot));
        ASSERT_TRUE(runner->wait(slot));
        runner->discard(slot);
    }
    EXPECT_EQ(slot.size(), 0);
    meta::Frame next = frame_of(kSize);
    ASSERT_TRUE(runner->add(slot, Picture(kSize, 204).view(), whole_frame(next)));
    finish(*runner, slot);
    EXPECT_EQ(next.objects.size(), 1u);
}

std::string error_of(const RunnerOptions& options) {
    auto runner = Runner::create(options);
    return runner ? "" : runner.error().text();
}

TEST(Runner, NamesTheModelThatCannotBeRead) {
    EXPECT_THAT(error_of(options_of("no_model")), HasSubstr("no_model.onnx"));
}

TEST(Runner, NamesTheModelWhoseHeadIsUnknown) {
    EXPECT_THAT(error_of(options_of("identity")), HasSubstr("identity.onnx"));
}

TEST(Runner, RefusesLabelsThatDoNotFit) {
    RunnerOptions options = options_of("brightness_class");
    auto file = ModelFile::parse("labels: {shade: [dark, grey, bright]}", "three.yaml");
    ASSERT_TRUE(file);
    options.file = *file;
    EXPECT_THAT(error_of(options), HasSubstr("3 labels"));
}

TEST(Runner, RefusesAnUnknownDevice) {
    RunnerOptions options = options_of("brightness_box");
    options.engine.device = "abacus";
    EXPECT_THAT(error_of(options), HasSubstr("abacus"));
}

}  // namespace
}  // namespace sluice::infer
