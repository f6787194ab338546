// `sluice calibrate` on a small network and made-up pictures: what is written, refused, and left
// where it is interrupted. What INT8 then scores on real ones: tests/python/calibrate_test.py.
#include "program.h"

namespace sluice::cli_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kUsage = 2;
constexpr int kRefused = 4;
constexpr int kInterrupted = 130;

class Calibrate : public Program {
protected:
    void SetUp() override {
        Program::SetUp();
        model_ = in_folder("joined.onnx");
        fs::copy_file(fs::path(SLUICE_SOURCE_DIR) / "tests/models/joined.onnx", model_);
        write("joined.yaml", "head: tensors\n");
    }
    Outcome calibrate(std::vector<std::string> words, std::size_t interrupt_after = 0) {
        words.insert(words.begin(),
                     {"calibrate", model_, "--device", "cpu", "--seconds", "0.05", "--json"});
        return run(words, {}, interrupt_after);
    }
    bool exists(const std::string& name) const { return fs::exists(in_folder(name)); }

    const std::vector<std::string> pictures_{"--source", "test:snow?frames=8"};
};

TEST_F(Calibrate, WritesWhatInt8ThenUses) {
    std::vector<std::string> words = pictures_;
    words.insert(
        words.end(),
        {"--report", in_folder("int8.html"), "--tensorrt-cache", in_folder("calib.table")});
    words.insert(words.end(), {"--batch", "4"});
    Outcome done = calibrate(words);
    ASSERT_EQ(done.code, 0) << done.err;
    auto report = done.json();
    EXPECT_EQ(report["batch"], 4);
    EXPECT_EQ(report["verdict"], "passed");
    EXPECT_EQ(report["measure"], "cosine");
    EXPECT_EQ(report["held_out"], true);
    EXPECT_EQ(report["layers"].size(), 4u);
    EXPECT_TRUE(exists("joined.onnx.calibration"));
    EXPECT_FALSE(exists("joined.onnx.calibration.work"));
    EXPECT_THAT(read("int8.html"), HasSubstr("<svg"));
    EXPECT_THAT(read("calib.table"), HasSubstr("EntropyCalibration2"));

    Outcome used = run({"model", model_, "--precision", "int8"});
    EXPECT_EQ(used.code, 0) << used.err;
    EXPECT_THAT(used.out, HasSubstr("int8 ("));
    Outcome automatic = run({"model", model_, "--precision", "auto"});
    EXPECT_THAT(automatic.out,
                HasSubstr("precision auto: " + report["chosen"].get<std::string>() + " was"));
    Outcome checked = calibrate(
        {"--check", in_folder("joined.onnx.calibration"), "--source", "test:snow?frames=5"});
    EXPECT_EQ(checked.code, 0) << checked.err;
    EXPECT_EQ(checked.json()["domain"]["fits"], true);
    Outcome cache =
        calibrate({"--check", in_folder("calib.table"), "--source", "test:snow?frames=5"});
    EXPECT_EQ(cache.code, 0) << cache.err;
    EXPECT_THAT(cache.json()["method"].dump(), HasSubstr("EntropyCalibration2"));
    EXPECT_FALSE(cache.json().contains("domain"));
}

TEST_F(Calibrate, RefusesWhatLosesMoreThanTheFloor) {
    std::vector<std::string> words = pictures_;
    words.insert(words.end(), {"--floor", "0"});
    Outcome done = calibrate(words);
    EXPECT_EQ(done.code, kRefused) << done.err;
    EXPECT_THAT(done.err, HasSubstr("would let it pass"));
    EXPECT_EQ(done.json()["verdict"], "refused");
    EXPECT_FALSE(exists("joined.onnx.calibration"));
    EXPECT_FALSE(exists("joined.onnx.calibration.work"));

    words.emplace_back("--force");
    Outcome forced = calibrate(words);
    EXPECT_EQ(forced.code, 0) << forced.err;
    EXPECT_EQ(forced.json()["verdict"], "forced");
    EXPECT_THAT(read("joined.onnx.calibration"), HasSubstr("forced"));
    Outcome used = run({"model", model_, "--precision", "int8"});
    EXPECT_THAT(used.out, HasSubstr("int8 was forced"));
    EXPECT_THAT(used.err, HasSubstr("int8 was forced"));
}

TEST_F(Calibrate, GoesOnWhereItWasInterrupted) {
    // By then it is comparing ranges.
    Outcome done = calibrate(pictures_, 200);
    ASSERT_EQ(done.code, kInterrupted) << done.err;
    EXPECT_FALSE(exists("joined.onnx.calibration"));
    ASSERT_TRUE(exists("joined.onnx.calibration.work"));
    Outcome again = calibrate(pictures_);
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_THAT(again.json()["warnings"].dump(), HasSubstr("went on"));
}

TEST_F(Calibrate, SaysWhatPicturesCannotTell) {
    Outcome one = calibrate({"--source", "test:snow?frames=1"});
    EXPECT_EQ(one.code, 0) << one.err;
    EXPECT_EQ(one.json()["held_out"], false);
    EXPECT_NE(one.json()["chosen"], "int8");
    EXPECT_THAT(one.json()["warnings"].dump(), HasSubstr("1 picture can neither teach nor judge"));
    Outcome frozen = calibrate({"--source", "test:smpte75?frames=6"});
    EXPECT_EQ(frozen.code, 0) << frozen.err;
    EXPECT_EQ(frozen.json()["image_count"], 1);
    EXPECT_EQ(frozen.json()["held_out"], false);
    EXPECT_THAT(frozen.json()["warnings"].dump(), HasSubstr("5 of 6 pictures are the same"));
    Outcome quiet = run({"calibrate", model_, "--source", "test:snow?frames=1", "--quiet"});
    EXPECT_THAT(quiet.err, HasSubstr("1 picture can neither teach nor judge"));
    fs::create_directories(in_folder("torn"));
    write("torn/a.jpg", "no picture");
    write("torn/b.png", "another");
    Outcome torn = calibrate({"--images", in_folder("torn")});
    EXPECT_EQ(torn.code, kUsage);
    EXPECT_THAT(torn.err, HasSubstr("2 of 2 images could not be read; the first: "));
    for (const char* colour : {"test:black?frames=4", "test:blue?frames=4"}) {
        Outcome plain = calibrate({"--source", colour});
        EXPECT_EQ(plain.code, kUsage) << colour;
        EXPECT_THAT(plain.err, HasSubstr("one colour"));
    }
}

TEST_F(Calibrate, NamesWhatIsNotFinite) {
    auto with = [&](const std::string& model) {
        fs::copy_file(fs::path(SLUICE_SOURCE_DIR) / "tests/models" / model, in_folder(model));
        return run({"calibrate",
                    in_folder(model),
                    "--config",
                    in_folder("joined.yaml"),
                    "--source",
                    "test:snow?frames=4"});
    };
    for (const auto& [model, named] : {std::pair("nan_inside.onnx", "tensor 'logs'"),
                                       std::pair("nan_outside.onnx", "output 'logs'")}) {
        Outcome done = with(model);
        EXPECT_EQ(done.code, kUsage) << done.err;
        EXPECT_THAT(done.err, HasSubstr(named));
        EXPECT_THAT(done.err, HasSubstr("not finite"));
        EXPECT_FALSE(exists(std::string(model) + ".calibration.work"));
    }
}

TEST_F(Calibrate, ACalibrationOfAnotherModelIsRefused) {
    ASSERT_EQ(calibrate(pictures_).code, 0);
    fs::copy_file(fs::path(SLUICE_SOURCE_DIR) / "tests/models/focus.onnx", in_folder("focus.onnx"));
    Outcome done = run({"calibrate",
                        in_folder("focus.onnx"),
                        "--check",
                        in_folder("joined.onnx.calibration"),
                        "--source",
                        "test:snow?frames=4"});
    EXPECT_EQ(done.code, kUsage);
    EXPECT_THAT(done.err, HasSubstr("made for another model"));
}

}  // namespace
}  // namespace sluice::cli_test
