// `sluice` given what it cannot use: one clear error that names it, the right exit code, and
// whatever else can go on goes on.
#include "program.h"

#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::cli_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr int kPartial = 1;
constexpr int kUsage = 2;
constexpr int kNothing = 3;

class BadInput : public Program {
protected:
    void expect_error(const Outcome& done, int code, const std::string& text) {
        EXPECT_EQ(done.code, code) << done.err;
        EXPECT_THAT(done.err, HasSubstr(text));
    }
    /// The bad source beside a good one, which is not harmed.
    Outcome run_beside_a_good_one(const std::string& bad,
                                  const std::vector<std::string>& environment = {}) {
        Outcome done =
            run_model({"--source", bad, "--source", "test:ball?frames=30", "--json"}, environment);
        EXPECT_EQ(done.json()["sources"][1]["frames"], 30);
        EXPECT_EQ(done.json()["sources"][1]["state"], "whole");
        return done;
    }
};

TEST_F(BadInput, WrongWordsGetTheNearestRightOne) {
    expect_error(run({"rum"}), kUsage, "did you mean 'run'?");
    expect_error(run({}), kUsage, "--help");
    expect_error(run_model({"--trackr", "sort"}), kUsage, "did you mean '--tracker'?");
    expect_error(run_model({"a.yaml", "b.yaml"}), kUsage, "b.yaml");
    std::vector<std::string> good{"--source", "test:ball?frames=3"};
    auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), good.begin(), good.end());
        return run_model(more);
    };
    expect_error(with({"--tracker", "bytetrak"}), kUsage, "did you mean 'bytetrack'?");
    expect_error(with({"--set", "mux.bach-size=2"}), kUsage, "did you mean 'batch-size'?");
    expect_error(with({"--set", "tracker.probation-agee=2"}), kUsage, "probation-age");
    expect_error(with({"--interval", "many"}), kUsage, "many");
}
TEST_F(BadInput, ABuildNamesWhatItCannotUse) {
    const std::string model = in_folder("micro.onnx");
    expect_error(run({"build", model, "--batch", "1,0"}), kUsage, "--batch");
    expect_error(run({"build", model, "--plans", "tunde"}), kUsage, "did you mean 'tuned'?");
    expect_error(run({"build", model, "--device", "cpu"}), kUsage, "'cpu'");
    expect_error(run({"build", model, "--device", "cuda:99"}), kUsage, "CUDA");
    expect_error(run({"build", in_folder("none.onnx")}), kUsage, "none.onnx");
    expect_error(run({"build", model, "--output", in_folder("none/a.engine")}),
                 kUsage,
                 "none/a.engine: the engine file cannot be written");
    expect_error(run({"build"}), kUsage, "which model?");
    expect_error(run({"build", "--list", "--prune"}), kUsage, "--list");
    expect_error(run({"build", "--all"}), kUsage, "--prune");
}
TEST_F(BadInput, ACalibrationNamesWhatItCannotUse) {
    const std::string model = in_folder("micro.onnx");
    expect_error(run({"calibrate", model}), kUsage, "--images DIR");
    expect_error(run({"calibrate", model, "--imagse", "x"}), kUsage, "did you mean '--images'?");
    expect_error(run({"calibrate", model, "--images", "x"}), kUsage, "no layer of this model");
    const std::string quantised = std::string(SLUICE_SOURCE_DIR) + "/tests/models/qdq.onnx";
    const std::string tensors = write("qdq.yaml", "head: tensors\n");
    expect_error(run({"calibrate", quantised, "--config", tensors, "--images", "x"}),
                 kUsage,
                 "needs no calibration");
    expect_error(run({"calibrate", in_folder("none.onnx"), "--images", "/"}), kUsage, "none.onnx");
    expect_error(run({"calibrate", model, "--source", "test:ball?frames=4", "--floor", "2"}),
                 kUsage,
                 "--floor");
    for (const char* file : {"--report", "--tensorrt-cache"}) {
        const std::string nowhere = in_folder("no/such/file");
        expect_error(run({"calibrate", model, "--source", "test:ball?frames=4", file, nowhere}),
                     kUsage,
                     nowhere + ": there is no such folder");
    }
    expect_error(run({"calibrate", model, "--source", "test:ball", "--check", in_folder("none")}),
                 kUsage,
                 "none");
}
TEST_F(BadInput, AConfigurationIsRefusedByLine) {
    std::string config = write("p.yaml", "models: [micro.onnx]\nmux:\n  bach-size: 3\n");
    expect_error(run({"run", config}), kUsage, "p.yaml:3: no option 'bach-size'");
    expect_error(run({"run", in_folder("none.yaml")}), kUsage, "none.yaml");
    expect_error(run({"run", write("q.yaml", "a: [")}), kUsage, "q.yaml:1");
}
TEST_F(BadInput, SourcesThatAreNotThere) {
    expect_error(run_model({}), kUsage, "no source");
    expect_error(run_model({"--source", "/no/such.mp4"}), kUsage, "/no/such.mp4");
    expect_error(run_model({"--source", "/no/such*.mp4"}), kUsage, "no file matches");
    expect_error(run_model({"--source", "test:bal"}), kUsage, "did you mean 'ball'?");
    fs::create_directories(in_folder("mixed"));
    write("mixed/a.jpg", "");
    write("mixed/b.png", "");
    expect_error(run_model({"--source", in_folder("mixed")}), kUsage, "images of both kinds");
}
TEST_F(BadInput, ModelsThatAreNone) {
    std::vector<std::string> rest{"--source", "test:ball?frames=3", "--quiet"};
    auto with = [&](const std::string& model) {
        std::vector<std::string> words{"run", "--model", model};
        words.insert(words.end(), rest.begin(), rest.end());
        return run(words);
    };
    std::string models = std::string(SLUICE_SOURCE_DIR) + "/tests/models/";
    expect_error(run({"run", "--source", "test:ball?frames=3"}), kUsage, "no model");
    expect_error(with("none.onnx"), kUsage, "none.onnx");
    expect_error(with(models + "no_model.onnx"), kUsage, "no_model.onnx");
    expect_error(with(models + "truncated.onnx"), kUsage, "truncated.onnx");
    expect_error(with(models + "identity.onnx"), kUsage, "no head");
    write("micro.yaml", "head: no-such-head\n");
    expect_error(with(model_), kUsage, "no-such-head");
    expect_error(run({"model", models + "no_model.onnx"}), kUsage, "no_model.onnx");
}
TEST_F(BadInput, DevicesAndDecodersThatAreNotHere) {
    auto with = [&](const std::string& setting) {
        return run_model({"--source", "test:ball?frames=3", "--set", setting});
    };
    // More devices than a host can have.
    expect_error(with("models.device=cuda:1023"), kUsage, "onnx: option 'device': cuda:1023: ");
    expect_error(with("models.device=cudda"), kUsage, "there is no 'cudda'; there is: auto, cpu");
    expect_error(with("sources.decoder=hard"), kUsage, "auto, software, hardware");
}
TEST_F(BadInput, ACodecWithoutAHardwareDecoderFailsWhereHardwareIsAskedFor) {
    std::string clip = make_clip("clip.mp4", 5);
    // Of a codec without a parser (VP8, JPEG) nothing is left for decodebin to go on with.
    for (const char* parser : {"", ",h264parse:NONE"}) {
        Outcome done = run_model(
            {"--source", clip, "--set", "sources.decoder=hardware"},
            {std::string("GST_PLUGIN_FEATURE_RANK=nvh264dec:NONE,nvh264sldec:NONE") + parser});
        expect_error(done, kNothing, "there is no hardware decoder for H.264");
        EXPECT_THAT(done.err, Not(HasSubstr("CRITICAL")));
        EXPECT_THAT(done.err, Not(HasSubstr("No decoder available")));
        EXPECT_EQ(done.err.find("clip.mp4"), done.err.rfind("clip.mp4")) << done.err;
    }
}
TEST_F(BadInput, AnEncoderThatTheGpuDoesNotHave) {
    Outcome done = run_model({"--source",
                              "test:ball?frames=3",
                              "--output",
                              in_folder("o.mp4"),
                              "--set",
                              "outputs.encoder=nvenc"});
    if (done.code == 0) GTEST_SKIP() << "NVENC is here";
    expect_error(done, kUsage, "option 'encoder': there is no NVENC here");
    EXPECT_THAT(done.err, HasSubstr("use auto or x264"));
    EXPECT_THAT(done.err, Not(HasSubstr("gstreamer1.0-libav")));
}
TEST_F(BadInput, AnExplanationIsRefusedAsARunIs) {
    const std::string output = in_folder("o.mp4");
    auto expect_both = [&](const std::string& model,
                           const std::vector<std::string>& more,
                           const std::string& text) {
        std::vector<std::string> words{"run", "--model", model, "--source", "test:ball?frames=3"};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome done = run(words);
        if (done.code == 0) return;  // a GPU to draw on
        expect_error(done, kUsage, text);
        words.emplace_back("--explain");
        expect_error(run(words), kUsage, text);
    };
    expect_both(in_folder("none.onnx"), {}, "none.onnx: no such model file");
    expect_both(model_, {"--precision", "fp8"}, "compute in fp8");
    expect_both(model_, {"--set", "models.device=cuda:1023"}, "option 'device': cuda:1023");
    expect_both(model_, {"--set", "models.device=gpu"}, "option 'device': there is no 'gpu'");
    expect_both(model_, {"--output", output, "--set", "osd.border-color=1;0"}, "border-color");
    expect_both(model_, {"--output", output, "--set", "osd.process-mode=gpu"}, "no GPU to draw on");
    const std::string device =
        run_model({"--source", "test:ball", "--set", "models.device=gpu", "--explain"}).err;
    EXPECT_THAT(device, HasSubstr("option 'device': there is no 'gpu'"));
    EXPECT_EQ(device.find("option 'device'"), device.rfind("option 'device'")) << device;
}
TEST_F(BadInput, AnExplanationOfSourcesWithoutAFrameEndsAsARunDoes) {
    const std::string noise = write("noise.mp4", std::string(5'000, 'n'));
    expect_error(run_model({"--source", noise, "--explain"}), kNothing, "noise.mp4: ");
    Outcome one = run_model({"--source", noise, "--source", "test:ball", "--explain", "--json"});
    expect_error(one, kPartial, "noise.mp4: ");
    EXPECT_TRUE(one.json()["sources"][0].contains("error"));
    EXPECT_FALSE(one.json()["sources"][1].contains("error"));
}
TEST_F(BadInput, LabelsThatDoNotFitTheModel) {
    const char* data = std::getenv("SLUICE_TEST_DATA");
    fs::path yolox = fs::path(data ? data : SLUICE_TEST_DATA) / "models/yolox_nano/yolox_nano.onnx";
    if (!fs::exists(yolox)) GTEST_SKIP() << "no " << yolox;
    std::string config = write("labels.yaml", "labels: [cat, dog]\n");
    expect_error(run({"model", yolox.string(), "--config", config}), kUsage, "80");
}
TEST_F(BadInput, AFileThatIsNoVideo) {
    std::string noise = write("noise.mp4", std::string(5'000, 'n'));
    Outcome done = run_beside_a_good_one(noise);
    expect_error(done, kPartial, "noise.mp4");
    EXPECT_EQ(done.json()["sources"][0]["state"], "failed");
    EXPECT_EQ(done.json()["outcome"], "partial");
}
TEST_F(BadInput, AFileThatWasCutOff) {
    std::string clip = make_clip("clip.mkv", 100);
    Outcome done = run_beside_a_good_one(cut(clip, "half.mkv", 0.5));
    expect_error(done, kPartial, "half.mkv: the file is cut off");
    EXPECT_EQ(done.json()["sources"][0]["state"], "partial");
    EXPECT_GT(done.json()["sources"][0]["frames"], 10);
    EXPECT_LT(done.json()["sources"][0]["frames"], 90);
}
TEST_F(BadInput, AnMp4WithoutItsEnd) {
    std::string clip = make_clip("clip.mp4", 50);
    expect_error(run_beside_a_good_one(cut(clip, "half.mp4", 0.5)), kPartial, "half.mp4");
}
TEST_F(BadInput, ACodecWithoutADecoder) {
    std::string clip = make_clip("clip.mp4", 10);
    Outcome done = run_beside_a_good_one(
        clip,
        {"GST_PLUGIN_FEATURE_RANK=avdec_h264:NONE,openh264dec:NONE,vah264dec:NONE,"
         "v4l2h264dec:NONE,vaapih264dec:NONE,nvh264dec:NONE"});
    expect_error(done, kPartial, "H.264");
    EXPECT_THAT(done.err, HasSubstr("apt install gstreamer1.0-libav"));
    EXPECT_THAT(done.err, HasSubstr("clip.mp4"));
}
TEST_F(BadInput, NothingCanBeRun) {
    std::string noise = write("noise.mp4", std::string(5'000, 'n'));
    Outcome done = run_model({"--source", noise, "--json"});
    expect_error(done, kNothing, "noise.mp4");
    EXPECT_EQ(done.json()["outcome"], "nothing");
}
TEST_F(BadInput, AServerThatDoesNotAnswer) {
    Outcome done = run_beside_a_good_one("rtsp://127.0.0.1:1/x");
    expect_error(done, kPartial, "rtsp://127.0.0.1:1/x");
}
TEST_F(BadInput, AServerThatSaysNothing) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
    ASSERT_EQ(listen(listener, 4), 0);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    std::string url = "rtsp://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/x";
    Outcome done = run_model({"--source",
                              url,
                              "--source",
                              "test:ball?frames=30",
                              "--set",
                              "sources.start-timeout=0.5",
                              "--json"});
    close(listener);
    expect_error(done, kPartial, url + ": no video came within 0.5 s");
    EXPECT_EQ(done.json()["sources"][1]["frames"], 30);
}
TEST_F(BadInput, OutputsThatCannotBeOpened) {
    std::vector<std::string> source{"--source", "test:ball?frames=3"};
    auto with = [&](const std::string& flag, const std::string& path) {
        return run_model({source[0], source[1], flag, path});
    };
    write("file", "");
    expect_error(with("--output", in_folder("file/out.mp4")), kUsage, "file");
    expect_error(with("--output", folder_.string()), kUsage, folder_.string());
    expect_error(with("--tracks", in_folder("file/t/")), kUsage, "file/t");
    expect_error(with("--output", in_folder("%q.mp4")), kUsage, "%q.mp4");
    expect_error(run({"run", "--model", model_, "--source", "test:ball?frames=3", "--window"},
                     {"DISPLAY", "WAYLAND_DISPLAY"}),
                 kUsage,
                 "no window");
}
TEST_F(BadInput, AFullDiskEndsOneOutputAndNotTheOthers) {
    if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
    Outcome done = run_model({"--source",
                              "test:snow?frames=200",
                              "--output",
                              "/dev/full",
                              "--detections",
                              in_folder("d.jsonl"),
                              "--json"});
    expect_error(done, kPartial, "/dev/full");
    EXPECT_EQ(done.json()["frames"], 200);
    EXPECT_THAT(read("d.jsonl"), HasSubstr("\"sequence\":199"));
    EXPECT_TRUE(done.json()["outputs"][0].contains("error"));
    EXPECT_FALSE(done.json()["outputs"][1].contains("error"));
}

}  // namespace
}  // namespace sluice::cli_test
