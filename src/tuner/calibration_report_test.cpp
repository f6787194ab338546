#include "sluice/tuner/calibration_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::tuner {
namespace {

using infer::Precision;
using testing::HasSubstr;
using testing::Not;

PrecisionReport precision(Precision which, double rate, double loss, bool passed) {
    PrecisionReport line;
    line.precision = which;
    line.images_per_second = rate;
    line.accuracy.value = 1 - loss;
    line.accuracy.loss = loss;
    line.passed = passed;
    return line;
}

CalibrationReport example() {
    CalibrationReport report;
    report.model = "a<b>.onnx";
    report.images = "street/";
    report.image_count = 20;
    report.held_out = true;
    report.floor = 0.1;
    report.method = "mse";
    report.int8.loss = 0.06;
    report.int8.value = 0.94;
    report.int8.classes = {{"person", 20, 0.95, 0.912}, {"dog", 1, 0, 0}};
    report.layers.resize(2);
    report.layers[0].layer.name = "stem";
    report.layers[0].distance = 0.01;
    report.layers[1].layer.name = "neck";
    report.layers[1].distance = 0.0001;
    report.layers[1].in_float = "loses much";
    report.precisions = {precision(Precision::kFp32, 100, 0, true),
                         precision(Precision::kBf16, 197, 0.01, true),
                         precision(Precision::kInt8, 176, 0.06, true)};
    report.chosen = Precision::kBf16;
    PictureReport picture;
    picture.name = "p.jpg";
    picture.size = {64, 48};
    picture.shown = {0, 0, 64, 48};
    picture.at = {0, 0, 32, 24};
    picture.encoded = {32, 32};
    picture.jpeg = "jpg!";
    picture.fp32.push_back({0, 1, {10, 10, 20, 20}, 0.9});
    report.worst.push_back(picture);
    report.class_names = {"person", "<dog>"};
    return report;
}

TEST(CalibrationReport, SaysWhatAutoTakesAndWhy) {
    CalibrationReport report = example();
    EXPECT_EQ(speed_sentence(report),
              "bf16 is faster than int8 here (197 against 176 images/s): auto takes bf16");
    report.chosen = Precision::kInt8;
    EXPECT_THAT(speed_sentence(report), HasSubstr("int8 is the fastest here (176"));
    report.precisions.pop_back();
    report.chosen = Precision::kBf16;
    EXPECT_THAT(speed_sentence(report), HasSubstr("no int8"));
}
TEST(CalibrationReport, ACheckDoesNotSayWhatAutoTakes) {
    CalibrationReport report = example();
    report.check = true;
    EXPECT_THAT(to_table(report), Not(HasSubstr("auto")));
    EXPECT_THAT(speed_sentence(report), HasSubstr("the fastest that passes is bf16"));
    report.chosen = Precision::kInt8;
    EXPECT_THAT(to_table(report), Not(HasSubstr("auto")));
}
TEST(CalibrationReport, AutoDoesNotTakeWhatNoNewPictureJudged) {
    CalibrationReport report = example();
    report.held_out = false;
    report.precisions[1].images_per_second = 150;
    report.precisions[2].passed = false;
    EXPECT_THAT(speed_sentence(report), HasSubstr("is not known: auto takes bf16"));
    EXPECT_EQ(remark(report, report.precisions[2]), "not for auto");
    EXPECT_EQ(remark(report, report.precisions[1]), "auto takes this");
}
TEST(CalibrationReport, TheTableNamesTheWorstLayerFirst) {
    const std::string table = to_table(example());
    EXPECT_LT(table.find("stem"), table.find("neck"));
    EXPECT_THAT(table, HasSubstr("1 of 2 layers in int8"));
    EXPECT_THAT(table, HasSubstr("<- auto takes this"));
    EXPECT_THAT(table, HasSubstr("loses 0.0600 F1"));
}
TEST(CalibrationReport, JsonHoldsAllButThePictures) {
    const auto json = nlohmann::json::parse(to_json(example()));
    EXPECT_EQ(json["schema"], "sluice.calibrate/1");
    EXPECT_EQ(json["verdict"], "passed");
    EXPECT_EQ(json["chosen"], "bf16");
    EXPECT_EQ(json["layers"][1]["in_float"], "loses much");
    EXPECT_EQ(json["int8"]["classes"][0]["mean_iou"], 0.912);
    EXPECT_EQ(json["precisions"][2]["images_per_second"], 176);
    EXPECT_FALSE(json.contains("domain"));
}
TEST(CalibrationReport, ThePageIsWholeAndEscapesNames) {
    const std::string page = to_html(example());
    EXPECT_THAT(page, HasSubstr("a&lt;b&gt;.onnx"));
    EXPECT_THAT(page, Not(HasSubstr("a<b>")));
    EXPECT_THAT(page, HasSubstr("base64,anBnIQ=="));  // "jpg!"
    // The box in the JPEG's pixels, which are half the picture's.
    EXPECT_THAT(page, HasSubstr("x=\"5.0\" y=\"5.0\" width=\"10.0\""));
    EXPECT_THAT(page, HasSubstr("<title>&lt;dog&gt;, 0.90</title>"));
    EXPECT_THAT(page, HasSubstr(">0.950</td><td class=\"n\">0.912</td>"));
    EXPECT_THAT(page, HasSubstr(">0.000</td><td class=\"n\"></td>"));
    EXPECT_THAT(page, Not(HasSubstr("http")));
}
TEST(CalibrationReport, AnotherDomainIsSaid) {
    DomainReport domain;
    domain.fits = false;
    domain.pictures = 8;
    domain.strange = 7;
    EXPECT_THAT(domain_sentence(domain), HasSubstr("7 of 8 pictures"));
    EXPECT_THAT(domain_sentence(domain), HasSubstr("the domain does not fit"));
    domain.fits = true;
    EXPECT_THAT(domain_sentence(domain), HasSubstr("the domain fits"));
}

}  // namespace
}  // namespace sluice::tuner
