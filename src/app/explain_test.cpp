#include "sluice/app/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::app {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

PipelineDescription on_the_cpu() {
    PipelineDescription description;
    description.models.push_back({});
    description.models.back().model = "m/a.onnx";
    description.models.back().engine.device = "cpu";
    return description;
}

std::vector<Source> one_source() {
    std::vector<Source> sources(1);
    sources[0].name = "gate";
    return sources;
}

Decoding decoded(int device) {
    return {"H.264", "decoder", "NV12", 64, 48, 4608, device, "", ""};
}

OutputOptions video(const char* path) {
    OutputOptions output;
    output.path = path;
    output.encoder = Encoder::kX264;
    return output;
}

TEST(TracePixels, StayOnTheHostWithASoftwareDecoderAndACpuModel) {
    PipelineDescription description = on_the_cpu();
    description.outputs.push_back(video("out.mp4"));
    PixelPath path = trace_pixels(description, one_source(), 0, decoded(memory::kHostMemory));
    EXPECT_THAT(path.crossings, IsEmpty());
    EXPECT_THAT(to_text({path}), HasSubstr("no copy between host and device"));
    EXPECT_THAT(to_text({path}), HasSubstr("sluiceinfer a.onnx (host) -> sluiceosd (host)"));
}

TEST(TracePixels, SayWhyADecoderIsNotTheOneThatWasWanted) {
    Decoding decoding = decoded(memory::kHostMemory);
    decoding.reason = "nvJPEG is not found";
    PixelPath path = trace_pixels(on_the_cpu(), one_source(), 0, decoding);
    EXPECT_THAT(to_text({path}), HasSubstr("\n  nvJPEG is not found\n"));
    auto json = nlohmann::json::parse(to_json({path}));
    EXPECT_EQ(json["sources"][0]["reason"], "nvJPEG is not found");
}

TEST(TracePixels, NameEachCopyOfADevicesFrameWithItsReasonAndBytes) {
    PipelineDescription description = on_the_cpu();
    description.outputs.push_back(video("out.mp4"));
    PixelPath path = trace_pixels(description, one_source(), 0, decoded(1));
    ASSERT_THAT(path.crossings, SizeIs(2));
    EXPECT_EQ(path.crossings[0].where, "sluiceinfer a.onnx");
    EXPECT_TRUE(path.crossings[0].to_host);
    EXPECT_EQ(path.crossings[0].reason, "a.onnx runs on the CPU");
    EXPECT_EQ(path.crossings[0].bytes, 4608);
    EXPECT_EQ(path.crossings[1].where, "encoder of out.mp4");
    auto json = nlohmann::json::parse(to_json({path}));
    EXPECT_EQ(json["sources"][0]["path"][0]["memory"], "cuda:1");
    EXPECT_EQ(json["sources"][0]["crossings"][1]["to"], "host");
}

TEST(TracePixels, AreDrawnOnWhereTheyLieUnlessTheCpuIsAskedFor) {
    PipelineDescription description;
    description.outputs.push_back(video("out.mp4"));
    PixelPath path = trace_pixels(description, one_source(), 0, decoded(1));
    EXPECT_THAT(to_text({path}), HasSubstr("sluiceosd (cuda:1) -> encoder of out.mp4 (host)"));
    description.osd.process_mode = osd::ProcessMode::kCpu;
    path = trace_pixels(description, one_source(), 0, decoded(1));
    ASSERT_THAT(path.crossings, SizeIs(1));
    EXPECT_EQ(path.crossings[0].where, "sluiceosd");
}

TEST(TracePixels, OfATiledPictureCrossOnce) {
    PipelineDescription description;
    description.outputs.push_back(video("out.mp4"));
    description.outputs[0].layout = Layout::kTiled;
    PixelPath path = trace_pixels(description, one_source(), 0, decoded(1));
    ASSERT_THAT(path.crossings, SizeIs(1));
    EXPECT_EQ(path.crossings[0].where, "encoder of out.mp4");
    EXPECT_EQ(path.crossings[0].bytes, 1280u * 720 * 3 / 2);
}

TEST(TracePixels, GoThroughTheHostToAPictureOfAnotherDevice) {
    PipelineDescription description;
    description.outputs.push_back(video("out.mp4"));
    description.outputs[0].layout = Layout::kTiled;
    PixelPath path = trace_pixels(description, one_source(), 0, decoded(1), 0);
    ASSERT_THAT(path.crossings, SizeIs(3));
    EXPECT_EQ(path.crossings[0].where, "sluicetiler");
    EXPECT_TRUE(path.crossings[0].to_host);
    EXPECT_FALSE(path.crossings[1].to_host);
    EXPECT_EQ(path.crossings[1].reason, "the tiler's picture is made on cuda:0");
    EXPECT_EQ(path.crossings[1].bytes, 4608);
}

TEST(TracePixels, SourcesWithoutAFrameSayWhy) {
    Decoding none;
    none.error = "no such file";
    PixelPath path = trace_pixels(on_the_cpu(), one_source(), 0, none);
    EXPECT_THAT(to_text({path}), HasSubstr("no such file"));
}

}  // namespace
}  // namespace sluice::app
