#include "sluice/cli/eval_command.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::cli {
namespace {

using testing::HasSubstr;

const std::string kData = SLUICE_SOURCE_DIR "/src/eval/testdata/";

struct Outcome {
    int code = 0;
    std::string out;
    std::string err;
};

Outcome run(std::vector<std::string> words) {
    words.insert(words.begin(), "eval");
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.code = run_eval(static_cast<int>(argv.size()), argv.data());
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    return outcome;
}

TEST(EvalCommand, PrintsATableForTwoFiles) {
    Outcome outcome = run({"mot", kData + "s1.gt.txt", kData + "s1.txt"});
    EXPECT_EQ(outcome.code, kEvalDone) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("HOTA"));
    EXPECT_THAT(outcome.out, HasSubstr("36.179"));
}

TEST(EvalCommand, GivesJsonForPrograms) {
    Outcome outcome = run({"mot", kData + "s1.gt.txt", kData + "s1.txt", "--json"});
    ASSERT_EQ(outcome.code, kEvalDone) << outcome.err;
    auto json = nlohmann::json::parse(outcome.out);
    EXPECT_NEAR(json["sequences"][0]["hota"]["hota"].get<double>(), 0.361785696, 1e-6);
    EXPECT_EQ(json["sequences"][0]["clear"]["id_switches"], 9);
}

TEST(EvalCommand, PicksSequencesOfFoldersAndCombinesThem) {
    // Ground truth against itself: all is found; its rows with flag 0 are false positives.
    Outcome outcome = run({"mot", kData, kData, "--sequences", "s1.gt", "s2.gt", "--json"});
    ASSERT_EQ(outcome.code, kEvalDone) << outcome.err;
    auto sequences = nlohmann::json::parse(outcome.out)["sequences"];
    ASSERT_EQ(sequences.size(), 3u);
    EXPECT_EQ(sequences[2]["name"], "combined");
    EXPECT_EQ(sequences[2]["clear"]["recall"], 1);
    EXPECT_GT(sequences[2]["clear"]["false_positives"], 0);
}

TEST(EvalCommand, SuggestsTheNearestSequence) {
    Outcome outcome = run({"mot", kData, kData, "--sequences", "s1.gtt"});
    EXPECT_EQ(outcome.code, kEvalBadInput);
    EXPECT_THAT(outcome.err, HasSubstr("did you mean 's1.gt'"));
}

TEST(EvalCommand, ScoresDetections) {
    Outcome table = run({"detections", kData + "coco.gt.json", kData + "coco.results.json"});
    EXPECT_EQ(table.code, kEvalDone) << table.err;
    EXPECT_THAT(table.out, HasSubstr("person"));
    Outcome outcome =
        run({"detections", kData + "coco.gt.json", kData + "coco.results.json", "--json"});
    auto json = nlohmann::json::parse(outcome.out);
    EXPECT_GT(json["ap"].get<double>(), 0.1);
    EXPECT_TRUE(json["categories"][3]["ap"].is_null());
}

TEST(EvalCommand, BadInputEndsWithTwoAndNamesTheFile) {
    Outcome outcome = run({"mot", "/nowhere/gt.txt", kData + "s1.txt"});
    EXPECT_EQ(outcome.code, kEvalBadInput);
    EXPECT_THAT(outcome.err, HasSubstr("/nowhere/gt.txt"));
    EXPECT_EQ(run({"mot", kData, kData + "s1.txt"}).code, kEvalBadInput);
    EXPECT_EQ(run({"detections", kData + "s1.txt", kData + "coco.results.json"}).code,
              kEvalBadInput);
    EXPECT_EQ(run({"mot", kData + "s1.gt.txt", kData + "s1.txt", "--sequences", "s1"}).code,
              kEvalBadInput);
    EXPECT_EQ(
        run({"detections", kData + "coco.gt.json", kData + "coco.results.json", "--names", "x"})
            .code,
        kEvalBadInput);
}

TEST(EvalCommand, UsageErrorsEndWithTwoAndHelpWithNothingWrong) {
    EXPECT_EQ(run({}).code, kEvalBadInput);
    EXPECT_EQ(run({"mot"}).code, kEvalBadInput);
    EXPECT_EQ(run({"mot", "a", "b", "--rules", "none"}).code, kEvalBadInput);
    Outcome help = run({"mot", "--help"});
    EXPECT_EQ(help.code, kEvalDone);
    EXPECT_THAT(help.out, HasSubstr("Examples:"));
}

}  // namespace
}  // namespace sluice::cli
