#include "sluice/app/chains.h"

#include <gmock/gmock.h>

namespace sluice::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

PipelineDescription models_on(const std::vector<const char*>& devices) {
    PipelineDescription description;
    for (const char* device : devices) {
        description.models.push_back({});
        description.models.back().model = "m.onnx";
        description.models.back().engine.device = device;
    }
    return description;
}

/// A source for each device that is asked for; "": any.
std::vector<Source> sources_on(const std::vector<const char*>& devices) {
    std::vector<Source> sources(devices.size());
    for (std::size_t i = 0; i < devices.size(); ++i) {
        sources[i].name = std::to_string(i);
        sources[i].options.source.device = devices[i];
    }
    return sources;
}

std::vector<Chain> plan(const std::vector<const char*>& models,
                        const std::vector<const char*>& sources) {
    auto planned = plan_chains(models_on(models), sources_on(sources), 2);
    EXPECT_TRUE(planned) << planned.error().text();
    return planned ? *planned : std::vector<Chain>();
}

std::string error_of(const std::vector<const char*>& models,
                     const std::vector<const char*>& sources,
                     int cuda_devices = 2) {
    auto planned = plan_chains(models_on(models), sources_on(sources), cuda_devices);
    return planned ? "no error" : planned.error().text();
}

TEST(PlanChains, OneDeviceTakesAll) {
    auto chains = plan({"auto", "cpu"}, {"", ""});
    ASSERT_THAT(chains, SizeIs(1));
    EXPECT_THAT(chains[0].sources, ElementsAre(0, 1));
    EXPECT_EQ(chains[0].models[0].engine.device, "auto");
    EXPECT_EQ(chains[0].models[1].engine.device, "cpu");
}

TEST(PlanChains, SourcesTakeTurns) {
    auto chains = plan({"cuda:0; cuda:1"}, {"", "", "", "", ""});
    ASSERT_THAT(chains, SizeIs(2));
    EXPECT_EQ(chains[1].models[0].engine.device, "cuda:1");
    EXPECT_THAT(chains[0].sources, ElementsAre(0, 2, 4));
    EXPECT_THAT(chains[1].sources, ElementsAre(1, 3));
}

TEST(PlanChains, TheSameDeviceTwiceIsTwoChains) {
    auto chains = plan({"cuda;cuda:0"}, {"cuda:0", "CUDA", ""});
    ASSERT_THAT(chains, SizeIs(2));
    EXPECT_THAT(chains[0].sources, ElementsAre(0, 2));
    EXPECT_THAT(chains[1].sources, ElementsAre(1));
}

TEST(PlanChains, SourcesThatAskForADeviceGoThereAndTheOthersMakeUpForIt) {
    auto chains = plan({"cpu;cuda:0"}, {"", "cpu", "cpu", ""});
    EXPECT_THAT(chains[0].sources, ElementsAre(1, 2));
    EXPECT_THAT(chains[1].sources, ElementsAre(0, 3));
}

TEST(PlanChains, DevicesMayBeLeftWithoutASource) {
    auto chains = plan({"cuda:*"}, {""});
    ASSERT_THAT(chains, SizeIs(2));
    EXPECT_EQ(chains[1].device, "cuda:1");
    EXPECT_THAT(chains[1].sources, IsEmpty());
}

TEST(PlanChains, OtherModelsFollowTheFirstOrNameTheirOwn) {
    auto chains = plan({"cuda:0;cuda:1", "auto", "cpu", "cuda:1;cuda:0"}, {"", ""});
    EXPECT_EQ(chains[1].models[1].engine.device, "cuda:1");
    EXPECT_EQ(chains[1].models[2].engine.device, "cpu");
    EXPECT_EQ(chains[1].models[3].engine.device, "cuda:0");
}

TEST(PlanChains, TheFirstModelIsOneOfWholeFrames) {
    PipelineDescription description = models_on({"cpu", "cuda:0;cuda:1"});
    description.models[0].process_mode = 2;
    auto chains = plan_chains(description, sources_on({""}), 0);
    ASSERT_TRUE(chains);
    EXPECT_THAT(*chains, SizeIs(2));
}

TEST(PlanChains, RefuseWhatDoesNotFit) {
    EXPECT_THAT(error_of({}, {""}), HasSubstr("no model"));
    EXPECT_THAT(error_of({""}, {""}), HasSubstr("'device'"));
    EXPECT_THAT(error_of({"cpu;"}, {""}), HasSubstr("missing in 'cpu;'"));
    EXPECT_THAT(error_of({"cpu"}, {}), HasSubstr("no source"));
    EXPECT_THAT(error_of({"cuda:*"}, {""}, 0), HasSubstr("no CUDA device"));
    EXPECT_THAT(error_of({"cpu;cpu", "cpu;cpu;cpu"}, {""}), HasSubstr("m.onnx names 3 devices"));
    EXPECT_THAT(error_of({"cpu;cuda:0"}, {"", "cuda:1"}),
                HasSubstr("source '1' asks for cuda:1, but the first model is on cpu, cuda:0"));
}

TEST(PictureDevice, IsTheFirstCudaDeviceWhereFramesComeFromSeveralPlaces) {
    auto chain = [](int device) { return Chain{"", device, {}, {0}}; };
    EXPECT_EQ(picture_device({chain(1)}), std::nullopt);
    EXPECT_EQ(picture_device({chain(1), chain(1)}), std::nullopt);
    EXPECT_EQ(picture_device({chain(memory::kHostMemory), chain(1), chain(0)}), 1);
    Chain idle{"", 0, {}, {}};
    EXPECT_EQ(picture_device({chain(1), idle}), std::nullopt);
}

}  // namespace
}  // namespace sluice::app
