#include "sluice/app/report.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace sluice::app {
namespace {

using testing::HasSubstr;

RunReport sample() {
    RunReport report;
    report.outcome = Outcome::kPartial;
    SourceReport source;
    source.name = "gate";
    source.shown = "rtsp://gate";
    source.state = SourceState::kFailed;
    source.error = "it \"died\"";
    source.frames = 12'345;
    source.dropped = {{"late", 3}};
    source.first_result_seconds = 11.25;
    report.sources.push_back(source);
    report.frames = 12'345;
    report.first_result_seconds = 2.5;
    report.stages.push_back({"inference", {}});
    report.outputs.push_back({"video", "out.mp4", 1, 2'500'000, 0, "no space left"});
    return report;
}

TEST(Report, WritesOneJsonDocument) {
    auto json = nlohmann::json::parse(to_json(sample()));
    EXPECT_EQ(json["schema"], "sluice.run/1");
    EXPECT_EQ(json["outcome"], "partial");
    EXPECT_EQ(json["sources"][0]["error"], "it \"died\"");
    EXPECT_EQ(json["sources"][0]["dropped"]["late"], 3);
    EXPECT_EQ(json["outputs"][0]["bytes"], 2'500'000);
    EXPECT_TRUE(json["stages"].contains("inference"));
}
TEST(Report, TellsWhenResultsBegan) {
    RunReport report = sample();
    auto json = nlohmann::json::parse(to_json(report));
    EXPECT_EQ(json["first_result_seconds"], 2.5);
    EXPECT_EQ(json["sources"][0]["first_result_seconds"], 11.25);
    EXPECT_THAT(to_table(report), HasSubstr("first result after 2.5 s\n"));
    report.sources.push_back({});
    EXPECT_THAT(to_table(report), HasSubstr("2.5 s, the last stream's after 11.2 s\n"));
}
TEST(Report, TellsThatThereWereNoResults) {
    RunReport none;
    EXPECT_TRUE(nlohmann::json::parse(to_json(none))["first_result_seconds"].is_null());
    EXPECT_THAT(to_table(none), testing::Not(HasSubstr("first result")));
}
TEST(Report, SurvivesTextThatIsNoUtf8) {
    RunReport report = sample();
    report.sources[0].name.assign(1, '\xFF');
    EXPECT_TRUE(nlohmann::json::accept(to_json(report)));
}
TEST(Report, ShowsWhatFailedAndWhatIsPartial) {
    std::string table = to_table(sample());
    EXPECT_THAT(table, HasSubstr("12,345"));
    EXPECT_THAT(table, HasSubstr("FAILED"));
    EXPECT_THAT(table, HasSubstr("out.mp4 (2500.0 kB)  PARTIAL: no space left"));
    EXPECT_THAT(table, HasSubstr("The results are partial."));
}
TEST(Report, TellsWhereACutOffStreamEnded) {
    RunReport report = sample();
    report.sources[0].state = SourceState::kPartial;
    report.sources[0].position = std::chrono::seconds(12);
    report.sources[0].duration = std::chrono::seconds(80);
    EXPECT_THAT(to_table(report), HasSubstr("PARTIAL: ended at 12.0 of 80.0 s"));
}

}  // namespace
}  // namespace sluice::app
