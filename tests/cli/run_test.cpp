// `sluice` as a user has it: what goes well.
#include "program.h"

#include <algorithm>
#include <sstream>

namespace sluice::cli_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Run : public Program {};

TEST_F(Run, TellsItsVersion) {
    Outcome done = run({"--version"});
    EXPECT_EQ(done.code, 0);
    EXPECT_THAT(done.out, HasSubstr("sluice 0."));
}
TEST_F(Run, HelpsWithExamplesOnEveryCommand) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"--help"}, {"run", "--help"}, {"model", "--help"}}) {
        Outcome done = run(words);
        EXPECT_EQ(done.code, 0);
        EXPECT_THAT(done.out, HasSubstr("Examples:"));
    }
}
TEST_F(Run, LosesNoFrame) {
    Outcome done =
        run_model({"--source", "test:ball?frames=57", "--source", "test:snow?frames=31", "--json"});
    EXPECT_EQ(done.code, 0) << done.err;
    auto json = done.json();
    EXPECT_EQ(json["frames"], 88);
    EXPECT_EQ(json["sources"][0]["frames"], 57);
    EXPECT_EQ(json["sources"][1]["frames"], 31);
    EXPECT_EQ(json["outcome"], "whole");
}
TEST_F(Run, TellsWhenItsFirstResultsCame) {
    auto json = run_model({"--source", "test:ball?frames=3", "--json"}).json();
    EXPECT_GT(json["first_result_seconds"], 0);
    EXPECT_EQ(json["first_result_seconds"], json["sources"][0]["first_result_seconds"]);
}
TEST_F(Run, PrintsATableForPeople) {
    Outcome done = run_model({"--source", "test:ball?frames=5"});
    EXPECT_EQ(done.code, 0);
    EXPECT_THAT(done.out, HasSubstr("p95 ms"));
    EXPECT_THAT(done.out, HasSubstr("test-ball"));
}
TEST_F(Run, SaysNothingWhenQuiet) {
    Outcome done = run_model({"--source", "test:ball?frames=5", "--quiet"});
    EXPECT_EQ(done.code, 0);
    EXPECT_EQ(done.out, "");
    EXPECT_EQ(done.err, "");
}
TEST_F(Run, WritesAVideoThatPlaysAsLongAsItsSource) {
    std::string clip = make_clip("clip.mp4", 40);
    auto json = run_model({"--source", clip, "--json"}).json();
    EXPECT_EQ(json["frames"], 40);
    EXPECT_EQ(json["sources"][0]["state"], "whole");
    EXPECT_NEAR(json["sources"][0]["duration_s"].get<double>(), 4.0, 0.1);
}
TEST_F(Run, WritesOneFilePerStreamOrATiledOne) {
    std::vector<std::string> sources{
        "--source", "test:ball?frames=20", "--source", "test:snow?frames=20"};
    auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), sources.begin(), sources.end());
        return run_model(more);
    };
    EXPECT_EQ(with({"--output", in_folder("%s.mp4"), "--output", in_folder("all.mkv")}).code, 0);
    auto json = run_model({"--source",
                           in_folder("test-ball.mp4"),
                           "--source",
                           in_folder("test-snow.mp4"),
                           "--source",
                           in_folder("all.mkv"),
                           "--json"})
                    .json();
    EXPECT_EQ(json["sources"][0]["frames"], 20);
    EXPECT_EQ(json["sources"][1]["frames"], 20);
    // A picture per batch: more than 20 where a batch had to leave half full.
    EXPECT_GE(json["sources"][2]["frames"], 20);
}
TEST_F(Run, EncodesPicturesOfOddSize) {
    std::string video = in_folder("odd.mp4");
    Outcome done =
        run_model({"--source", "test:ball?width=161&height=121&frames=5", "--output", video});
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(run_model({"--source", video, "--json"}).json()["frames"], 5);
}
TEST_F(Run, WritesTracksAndDetectionsPerStream) {
    Outcome done = run_model({"--source",
                              "test:ball?frames=4",
                              "--tracks",
                              in_folder("t/"),
                              "--detections",
                              in_folder("d.jsonl")});
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_TRUE(fs::exists(in_folder("t/test-ball.txt")));
    std::string lines = read("d.jsonl");
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);
    EXPECT_THAT(lines, HasSubstr("\"name\":\"test-ball\""));
}
TEST_F(Run, EndsAfterTheFramesThatWereAskedFor) {
    auto json = run_model({"--source", "test:ball", "--frames", "12", "--json"}).json();
    EXPECT_EQ(json["frames"], 12);
    EXPECT_EQ(json["sources"][0]["state"], "stopped");
    EXPECT_EQ(json["outcome"], "whole");
}
TEST_F(Run, BeginsAFileAnewWhereItLoops) {
    std::string clip = make_clip("clip.mp4", 20);
    auto json = run_model({"--source",
                           clip,
                           "--set",
                           "sources.loop=true",
                           "--frames",
                           "90",
                           "--detections",
                           in_folder("d.jsonl"),
                           "--json"})
                    .json();
    EXPECT_EQ(json["frames"], 90);
    EXPECT_EQ(json["outcome"], "whole");
    // Time goes on from round to round.
    EXPECT_THAT(read("d.jsonl"), HasSubstr("\"pts_ns\":8900000000"));
}
TEST_F(Run, DecodesKeyFramesOnlyWhenAsked) {
    std::string clip = make_clip("clip.mp4", 130);
    auto json = run_model({"--source", clip, "--set", "sources.skip=non-key", "--json"}).json();
    EXPECT_EQ(json["frames"], 3);
    EXPECT_EQ(json["outcome"], "whole");
}
TEST_F(Run, ThinsASourceToItsRate) {
    auto json =
        run_model(
            {"--source", "test:ball?fps=20&frames=40", "--set", "sources.max-fps=5", "--json"})
            .json();
    EXPECT_NEAR(json["frames"].get<int>(), 10, 1);
    EXPECT_EQ(json["frames"].get<int>() + json["sources"][0]["dropped"]["max-fps"].get<int>(), 40);
}
TEST_F(Run, NamesTheImageOfEachFrame) {
    // A clip's frames are no images: a PNG is written by hand.
    static constexpr unsigned char kPng[] = {
        0x89, 'P',  'N',  'G',  0x0D, 0x0A, 0x1A, 0x0A, 0,   0,    0,    13,   'I',  'H',
        'D',  'R',  0,    0,    0,    1,    0,    0,    0,   1,    8,    2,    0,    0,
        0,    0x90, 0x77, 0x53, 0xDE, 0,    0,    0,    12,  'I',  'D',  'A',  'T',  0x08,
        0xD7, 0x63, 0xF8, 0xCF, 0xC0, 0,    0,    3,    1,   1,    0,    0x18, 0xDD, 0x8D,
        0xB0, 0,    0,    0,    0,    'I',  'E',  'N',  'D', 0xAE, 0x42, 0x60, 0x82};
    std::string png(reinterpret_cast<const char*>(kPng), sizeof kPng);
    fs::create_directories(in_folder("shots"));
    write("shots/a.png", png);
    write("shots/b.png", png);
    Outcome done = run_model({"--source",
                              in_folder("shots"),
                              "--tracker",
                              "none",
                              "--detections",
                              in_folder("d.jsonl"),
                              "--json"});
    EXPECT_EQ(done.json()["frames"], 2) << done.err;
    EXPECT_THAT(read("d.jsonl"), HasSubstr("shots/a.png"));
    EXPECT_THAT(read("d.jsonl"), HasSubstr("shots/b.png"));
}
TEST_F(Run, ExplainsItselfInAFormThatItReads) {
    std::string clip = make_clip("clip.mp4", 5);
    Outcome explained = run_model({"--source", clip, "--output", in_folder("o.mp4"), "--explain"});
    EXPECT_EQ(explained.code, 0);
    EXPECT_THAT(explained.out, HasSubstr("# sluicemux"));
    EXPECT_FALSE(fs::exists(in_folder("o.mp4")));
    std::string config = write("p.yaml", explained.out);
    Outcome done = run({"run", config, "--json"});
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(done.json()["frames"], 5);
    EXPECT_TRUE(fs::exists(in_folder("o.mp4")));
}
TEST_F(Run, ExplainsWhereThePixelsGo) {
    std::string clip = make_clip("clip.mp4", 5);
    std::vector<std::string> words{"--source",
                                   clip,
                                   "--output",
                                   in_folder("o.mp4"),
                                   "--set",
                                   "models.device=cpu",
                                   "--explain"};
    EXPECT_THAT(run_model(words).out, HasSubstr("no copy between host and device"));
    words.push_back("--json");
    nlohmann::json source = run_model(words).json()["sources"][0];
    EXPECT_EQ(source["name"], "clip");
    EXPECT_GT(source["frame_bytes"], 0);
    EXPECT_EQ(source["path"].back()["element"], "encoder of " + in_folder("o.mp4"));
    EXPECT_EQ(source["path"].back()["memory"], "host");
    EXPECT_TRUE(source["crossings"].empty());
}
TEST_F(Run, ExplainsWhyAutoIsTheCpu) {
    Outcome done = run_model({"--source", "test:ball", "--explain"});
    EXPECT_EQ(done.code, 0) << done.err;
    const bool cpu = done.out.find("micro.onnx (host)") != std::string::npos;
    const std::string warning = "option 'device': auto is the CPU here: ";
    EXPECT_EQ(done.err.find(warning) != std::string::npos, cpu) << done.out << done.err;
    EXPECT_THAT(run_model({"--source", "test:ball", "--set", "models.device=cpu", "--explain"}).err,
                testing::Not(HasSubstr("option 'device'")));
}

/// Runs three sources through a model that finds a box in each frame, on these devices.
class RunOnSeveralDevices : public Program {
protected:
    Outcome run_on(const std::string& devices, const std::vector<std::string>& more = {}) {
        std::vector<std::string> words{"run",
                                       "--model",
                                       SLUICE_SOURCE_DIR "/tests/models/brightness_box.onnx",
                                       "--source",
                                       "test:ball?frames=20",
                                       "--source",
                                       "test:smpte?frames=9",
                                       "--source",
                                       "test:gamut?frames=14",
                                       "--set",
                                       "models.precision=fp32",
                                       "--set",
                                       "models.pre-cluster-threshold=0.01",
                                       "--set",
                                       "models.device=" + devices,
                                       "--tracker",
                                       "none",
                                       "--detections",
                                       in_folder("d.jsonl"),
                                       "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    }
    /// What was found in each frame, whatever the order in which the sources came.
    std::vector<std::string> found() const {
        std::istringstream lines(read("d.jsonl"));
        std::vector<std::string> sorted;
        for (std::string line; std::getline(lines, line);)
            sorted.push_back(line);
        std::sort(sorted.begin(), sorted.end());
        return sorted;
    }
    /// The same sources on one device and on it twice.
    void expect_same_on_two(const std::string& device) {
        ASSERT_EQ(run_on(device).code, 0);
        std::vector<std::string> alone = found();
        ASSERT_EQ(alone.size(), 43u);
        EXPECT_THAT(alone.front(), HasSubstr("\"score\""));
        Outcome twice = run_on(device + ";" + device, {"--output", in_folder("tiled.mp4")});
        EXPECT_EQ(twice.code, 0) << twice.err;
        EXPECT_EQ(twice.json()["models"].size(), 2u);
        EXPECT_EQ(twice.json()["frames"], 43);
        EXPECT_EQ(twice.json()["sources"][2]["frames"], 14);
        EXPECT_EQ(found(), alone);
        EXPECT_TRUE(fs::exists(in_folder("tiled.mp4")));
    }
};

TEST_F(RunOnSeveralDevices, FindsTheSameAsOnOne) {
    expect_same_on_two("cpu");
}
TEST_F(RunOnSeveralDevices, FindsTheSameOnAGpuTwice) {
    Outcome alone = run_on("cuda:0");
    for (const char* lack : {"there is no", "was made without CUDA"}) {
        if (alone.code == 2 && alone.err.find(lack) != std::string::npos) {
            GTEST_SKIP() << alone.err;
        }
    }
    expect_same_on_two("cuda:0");
    Outcome mixed = run_on("cuda:0;cpu", {"--output", in_folder("tiled.mp4")});
    EXPECT_EQ(mixed.code, 0) << mixed.err;
    EXPECT_EQ(mixed.json()["frames"], 43);
}
TEST_F(RunOnSeveralDevices, EndsThoughOneOfThemHasNothingToDo) {
    Outcome idle = run({"run",
                        "--model",
                        model_,
                        "--set",
                        "models.device=cpu;cpu",
                        "--source",
                        "test:ball?frames=5",
                        "--json"});
    EXPECT_EQ(idle.code, 0) << idle.err;
    EXPECT_THAT(idle.err, HasSubstr("cpu stays idle"));
    std::string broken = write("broken.mp4", "no video");
    Outcome failed = run({"run",
                          "--model",
                          model_,
                          "--set",
                          "models.device=cpu;cpu",
                          "--source",
                          broken,
                          "--source",
                          "test:ball?frames=5",
                          "--json"});
    EXPECT_EQ(failed.code, 1) << failed.err;
    EXPECT_EQ(failed.json()["frames"], 5);
}
TEST_F(RunOnSeveralDevices, ExplainsEachOfThem) {
    std::vector<std::string> words{"--set",
                                   "models.device=cpu;cpu",
                                   "--source",
                                   "test:ball",
                                   "--source",
                                   "test:snow",
                                   "--explain"};
    std::string text = run_model(words).out;
    EXPECT_NE(text.find("# sluicemux"), text.rfind("# sluicemux"));
    EXPECT_THAT(text, HasSubstr("# funnel"));
    EXPECT_EQ(text.find("# funnel"), text.rfind("# funnel"));
}
TEST_F(RunOnSeveralDevices, RefusesDevicesThatAreNotThere) {
    Outcome asked = run_on("cpu;cpu", {"--set", "sources.1.device=cuda:7"});
    EXPECT_EQ(asked.code, 2);
    EXPECT_THAT(asked.err, HasSubstr("'test-smpte' asks for cuda:7"));
    Outcome named = run_on("cpu;cuda:99");
    EXPECT_EQ(named.code, 2);
    EXPECT_THAT(named.err, HasSubstr("cuda:99"));
}

TEST_F(Run, FinishesItsFilesWhenInterrupted) {
    std::string video = in_folder("cut.mp4");
    // The first words on standard error tell that it has begun to load.
    Outcome done = run({"run",
                        "--model",
                        model_,
                        "--source",
                        "test:ball?fps=200&width=64&height=64",
                        "--set",
                        "sources.pace=real-time",
                        "--output",
                        video,
                        "--json"},
                       {},
                       100);
    EXPECT_EQ(done.code, 130) << done.err;
    EXPECT_EQ(done.json()["interrupted"], true);
    auto json = run_model({"--source", video, "--json"}).json();
    EXPECT_EQ(json["sources"][0]["state"], "whole");
    EXPECT_EQ(json["frames"], done.json()["frames"]);
}
TEST_F(Run, ListsAndPrunesTheEnginesThatAreKept) {
    const std::vector<std::string> environment{"XDG_CACHE_HOME=" + in_folder("cache")};
    EXPECT_THAT(run({"build", "--list"}, environment).out, HasSubstr("no engine"));
    fs::create_directories(in_folder("cache/sluice/engines"));
    write("cache/sluice/engines/m.onnx.fp16.0123.engine", "sluice engine 1\n");
    const Outcome listed = run({"build", "--list"}, environment);
    EXPECT_EQ(listed.code, 0) << listed.err;
    EXPECT_THAT(listed.out, HasSubstr("stale"));
    EXPECT_THAT(listed.out, HasSubstr("another version"));
    auto json = run({"build", "--list", "--json"}, environment).json();
    EXPECT_EQ(json["engines"][0]["state"], "stale");
    EXPECT_EQ(json["engines"][0]["bytes"], 16);
    EXPECT_THAT(run({"build", "--prune"}, environment).out, HasSubstr("0123.engine: the engine"));
    EXPECT_EQ(run({"build", "--prune", "--all", "--json"}, environment).json()["removed"].size(),
              0);
    EXPECT_FALSE(fs::exists(in_folder("cache/sluice/engines/m.onnx.fp16.0123.engine")));
}
TEST_F(Run, ShowsWhatAModelIsTakenFor) {
    Outcome text = run({"model", model_});
    EXPECT_EQ(text.code, 0) << text.err;
    EXPECT_THAT(text.out, HasSubstr("tensors"));
    auto json = run({"model", model_, "--json"}).json();
    EXPECT_EQ(json["inputs"][0]["shape"], "1x3x4x6");
    EXPECT_EQ(json["options"]["maintain-aspect-ratio"], "false");
}

}  // namespace
}  // namespace sluice::cli_test
