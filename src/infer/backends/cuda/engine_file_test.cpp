#include "sluice/infer/backends/cuda/engine_file.h"

#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/infer/backends/cuda/cudnn_library.h"
#include "sluice/infer/folder_testing.h"
#include "sluice/infer/options.h"

namespace sluice::infer::cuda {
namespace {

using testing::HasSubstr;

EngineMaking making() {
    return {"0123", "GPU A, compute capability 9.0", "91900", "1.2.3", "fp16", {1, 8}, "640x640"};
}

class EngineFileTest : public InFolder {
protected:
    const EngineFile made_{
        making(), {{"conv a (1,2)", "eng1_k2=3"}, {"conv b", kNoPlan}}, "/models/a.onnx"};
};

TEST_F(EngineFileTest, IsReadAsItWasWritten) {
    ASSERT_TRUE(made_.write(file("a.engine")));
    const EngineFile read = EngineFile::read(file("a.engine")).value();
    EXPECT_EQ(read.plans, made_.plans);
    EXPECT_EQ(read.misfit(making()), "");
    EXPECT_EQ(read.made.batches, making().batches);
    EXPECT_EQ(read.source, "/models/a.onnx");
}

TEST_F(EngineFileTest, LeavesNothingElseBehind) {
    ASSERT_TRUE(made_.write(file("a.engine")));
    ASSERT_TRUE(made_.write(file("a.engine")));
    EXPECT_THAT(files(), testing::ElementsAre("a.engine"));
}

TEST_F(EngineFileTest, IsRefusedWhereItIsAnotherFile) {
    write(file("a.engine"), "ptrt\n");
    const Error error = EngineFile::read(file("a.engine")).error();
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_THAT(error.text(), HasSubstr("TensorRT"));
}

TEST_F(EngineFileTest, IsRefusedWhereItIsOfAnotherVersion) {
    write(file("a.engine"), "sluice engine 7\n");
    EXPECT_THAT(EngineFile::read(file("a.engine")).error().text(), HasSubstr("another version"));
}

TEST_F(EngineFileTest, IsRefusedWhereItWasCutOff) {
    ASSERT_TRUE(made_.write(file("a.engine")));
    const std::string text = text_of(file("a.engine"));
    for (std::size_t length = 0; length < text.size(); ++length) {
        write(file("cut.engine"), text.substr(0, length));
        auto read = EngineFile::read(file("cut.engine"));
        ASSERT_FALSE(read) << length;
        EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    }
}

TEST_F(EngineFileTest, IsRefusedWhereABlockOfItWasLost) {
    ASSERT_TRUE(made_.write(file("a.engine")));
    std::string text = text_of(file("a.engine"));
    text.replace(text.find("eng1"), 4, 4, '\0');
    write(file("a.engine"), text);
    EXPECT_THAT(EngineFile::read(file("a.engine")).error().text(), HasSubstr("damaged"));
}

TEST_F(EngineFileTest, IsWrittenWholeByTwoAtOnce) {
    EngineFile other = made_;
    other.plans["conv c"] = "eng7";
    auto write_often = [&](const EngineFile& mine) {
        for (int i = 0; i < 20; ++i)
            EXPECT_TRUE(mine.write(file("a.engine")));
    };
    std::thread thread(write_often, other);
    write_often(made_);
    thread.join();
    EXPECT_TRUE(EngineFile::read(file("a.engine")));
    EXPECT_THAT(files(), testing::ElementsAre("a.engine"));
}

TEST_F(EngineFileTest, IsNotFound) {
    EXPECT_EQ(EngineFile::read(file("none")).error().code, ErrorCode::kNotFound);
}

TEST_F(EngineFileTest, CannotBeWrittenWhereThereIsNoFolder) {
    EXPECT_EQ(made_.write(file("none/a.engine")).error().code, ErrorCode::kIo);
}

TEST_F(EngineFileTest, SaysWhatDoesNotFit) {
    auto reason = [&](auto change) {
        EngineMaking wanted = making();
        change(wanted);
        return made_.misfit(wanted);
    };
    EXPECT_THAT(reason([](auto& w) { w.model = "4567"; }), HasSubstr("model 0123, this is 4567"));
    EXPECT_THAT(reason([](auto& w) { w.gpu = "GPU B"; }), HasSubstr("this is GPU B"));
    EXPECT_THAT(reason([](auto& w) { w.cudnn = "92800"; }), HasSubstr("cuDNN 91900"));
    EXPECT_THAT(reason([](auto& w) { w.sluice = "2.0.0"; }), HasSubstr("sluice 1.2.3"));
    EXPECT_THAT(reason([](auto& w) { w.precision = "tf32"; }), HasSubstr("precision fp16"));
    EXPECT_THAT(reason([](auto& w) { w.input = "320x320"; }),
                HasSubstr("input 640x640, this is 320x320"));
    EXPECT_THAT(reason([](auto& w) { w.calibration = "89ab"; }),
                HasSubstr("calibration none, this is 89ab"));
    EXPECT_THAT(reason([](auto& w) { w.batches = {4}; }), HasSubstr("batches of 1, 8, not of 4"));
}

TEST_F(EngineFileTest, IsTheOneNamedOrElseTheOneBesideTheModel) {
    const std::string model = file("m.onnx");
    EXPECT_EQ(engine_file_of(model, "", "fp16"), "");
    ASSERT_TRUE(made_.write(engine_file_beside(model, "fp16")));
    EXPECT_EQ(engine_file_of(model, "", "fp16"), model + ".fp16.cuda.engine");
    EXPECT_EQ(engine_file_of(model, "", "fp32"), "");
    EXPECT_EQ(engine_file_of(model, "named", "fp16"), "named");
}

class PlanCacheTest : public InFolder {};

TEST_F(PlanCacheTest, RemembersInAFolderThatItMakes) {
    const std::string path = file("sluice/plans.txt");
    PlanCache(path, "GPU A").add("conv a", "eng1");
    PlanCache(path, "GPU A").add("conv b", kNoPlan);
    EXPECT_EQ(PlanCache(path, "GPU A").names(), (PlanNames{{"conv a", "eng1"}, {"conv b", "-"}}));
    EXPECT_TRUE(PlanCache(path, "GPU B").names().empty());
}

TEST_F(PlanCacheTest, PassesOverTornAndForeignLines) {
    const std::string path = file("plans.txt");
    write(path,
          "what is this?\nGPU A\tconv a\teng1\tend\nGPU A\tconv b\tengGPU A\tconv c\teng2\tend\n"
          "GPU A\tconv d\ten");
    EXPECT_EQ(PlanCache(path, "GPU A").names(), (PlanNames{{"conv a", "eng1"}}));
}

TEST_F(PlanCacheTest, TakesLinesOfSeveralWritersWhole) {
    const std::string path = file("plans.txt");
    auto write_some = [&](char letter) {
        PlanCache cache(path, "GPU A");
        for (int i = 0; i < 100; ++i)
            cache.add(std::string(200, letter) + std::to_string(i), "eng1");
    };
    std::thread other(write_some, 'x');
    write_some('y');
    other.join();
    EXPECT_EQ(PlanCache(path, "GPU A").names().size(), 200U);
}

TEST_F(PlanCacheTest, LivesWithAPlaceThatCannotBeWritten) {
    PlanCache cache("/proc/none/plans.txt", "GPU A");
    cache.add("conv a", "eng1");
    EXPECT_EQ(cache.names().size(), 1U);
}

TEST(Tuning, SaysHowFarItIs) {
    EXPECT_EQ(tuning_progress(0, 57, 0), "tuning 0 of 57 layers");
    EXPECT_EQ(tuning_progress(57, 57, 20), "tuning 28 of 57 layers, about 20 s left");
}

TEST(Plans, AreAskedForByTwoWords) {
    EngineOptions options;
    EXPECT_EQ(options.plans, Plans::kHeuristic);
    ASSERT_TRUE(set_field(options, "plans", "tuned"));
    EXPECT_EQ(options.plans, Plans::kTuned);
    EXPECT_THAT(set_field(options, "plans", "tunde").error().text(), HasSubstr("tuned"));
}

class CudnnPlaces : public InFolder {};

TEST_F(CudnnPlaces, HaveThatOfTheVirtualEnvironmentAfterTheSystems) {
    const std::string folder = file("lib/python3.12/site-packages/nvidia/cudnn/lib");
    std::filesystem::create_directories(folder);
    write(folder + "/libcudnn.so.9", "");
    const Variable environment("VIRTUAL_ENV", file(""));
    const auto places = cudnn_places();
    ASSERT_GE(places.size(), 2U);
    EXPECT_EQ(places[0], "libcudnn.so.9");
    EXPECT_EQ(places[1], folder + "/libcudnn.so.9");
}

TEST_F(CudnnPlaces, AreTheUsersAloneWhereOneIsNamed) {
    const Variable library("SLUICE_CUDNN", "/a/libcudnn.so.9");
    EXPECT_THAT(cudnn_places(), testing::ElementsAre("/a/libcudnn.so.9"));
    const Variable folder("SLUICE_CUDNN", file(""));
    EXPECT_THAT(cudnn_places(), testing::ElementsAre(file("") + "libcudnn.so.9"));
}

}  // namespace
}  // namespace sluice::infer::cuda
