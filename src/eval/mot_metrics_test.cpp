#include "sluice/eval/mot_metrics.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sluice/eval/readers.h"

namespace sluice::eval {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

constexpr double kTolerance = 1e-6;

std::string test_file(const std::string& name) {
    return SLUICE_SOURCE_DIR "/src/eval/testdata/" + name;
}

Json expected(const std::string& name) {
    std::ifstream file(test_file(name));
    return Json::parse(file);
}

Tracks must_read(const std::string& path) {
    auto tracks = read_mot(path);
    EXPECT_TRUE(tracks) << tracks.error().text();
    return tracks ? *tracks : Tracks();
}

MotScores must_score(const Tracks& truth, const Tracks& results, MotRules rules) {
    auto scores = evaluate_tracks(truth, results, rules);
    EXPECT_TRUE(scores) << scores.error().text();
    return scores ? *scores : MotScores();
}

/// By TrackEval's names.
std::map<std::string, double> named(const MotScores& scores) {
    const auto& [hota, clear, identity] = scores;
    auto count = [](std::int64_t value) { return static_cast<double>(value); };
    return {{"HOTA", mean(hota.hota)},
            {"DetA", mean(hota.det_a)},
            {"AssA", mean(hota.ass_a)},
            {"DetRe", mean(hota.det_re)},
            {"DetPr", mean(hota.det_pr)},
            {"AssRe", mean(hota.ass_re)},
            {"AssPr", mean(hota.ass_pr)},
            {"LocA", mean(hota.loc_a)},
            {"MOTA", clear.mota},
            {"MOTP", clear.motp},
            {"CLR_Re", clear.recall},
            {"CLR_Pr", clear.precision},
            {"CLR_FP", count(clear.false_positives)},
            {"CLR_FN", count(clear.false_negatives)},
            {"IDSW", count(clear.id_switches)},
            {"Frag", count(clear.fragments)},
            {"MT", count(clear.mostly_tracked)},
            {"PT", count(clear.partly_tracked)},
            {"ML", count(clear.mostly_lost)},
            {"IDF1", identity.idf1},
            {"IDP", identity.idp},
            {"IDR", identity.idr}};
}

void expect_equal(const MotScores& scores, const Json& reference, const std::string& what) {
    auto ours = named(scores);
    ASSERT_EQ(reference.size(), ours.size());
    for (const auto& [key, value] : reference.items()) {
        EXPECT_NEAR(ours.at(key), value.get<double>(), kTolerance) << what << " " << key;
    }
}

struct Invented {
    const char* expected;
    MotRules rules;
    std::vector<std::string> sequences;
};

class MotAgainstTrackEval : public testing::TestWithParam<Invented> {};

TEST_P(MotAgainstTrackEval, InventedSequencesScoreTheSame) {
    Json reference = expected(GetParam().expected);
    std::vector<MotScores> all;
    for (const std::string& name : GetParam().sequences) {
        Tracks truth = must_read(test_file(name + ".gt.txt"));
        Tracks results = must_read(test_file(name + ".txt"));
        all.push_back(must_score(truth, results, GetParam().rules));
        expect_equal(all.back(), reference.at(name), name);
    }
    expect_equal(combine(all), reference.at("COMBINED_SEQ"), "combined");
}

INSTANTIATE_TEST_SUITE_P(
    Rules,
    MotAgainstTrackEval,
    testing::Values(Invented{"mot15.expected.json", MotRules::kPlain, {"s1", "s2"}},
                    Invented{"mot17.expected.json", MotRules::kMot17, {"s3", "s4"}},
                    Invented{"mot20.expected.json", MotRules::kMot20, {"s3", "s4"}}));

TEST(Mot, RealResultsScoreAsTrackEvalScoredThem) {
    const char* variable = std::getenv("SLUICE_TEST_DATA");
    std::string data = variable ? variable : SLUICE_TEST_DATA;
    if (!std::filesystem::exists(data + "/tracking")) {
        GTEST_SKIP() << "no real tracks at " << data << " (set SLUICE_TEST_DATA)";
    }
    int sequences = 0;
    Json reference = expected("real.expected.json");
    for (const auto& [tracker, rows] : reference.items()) {
        std::vector<MotScores> all;
        for (const auto& [name, row] : rows.items()) {
            if (name == "COMBINED_SEQ") continue;
            Tracks truth = must_read(data + "/tracking/" + name + "/gt.txt.gz");
            Tracks results =
                must_read(data + "/tracker-reference/results/" + tracker + "/" + name + ".txt.gz");
            all.push_back(must_score(truth, results, MotRules::kPlain));
            expect_equal(all.back(), row, tracker + " " + name);
            ++sequences;
        }
        expect_equal(combine(all), rows.at("COMBINED_SEQ"), tracker);
    }
    EXPECT_EQ(sequences, 32);
}

Tracks one_walker(std::int64_t frames, std::int64_t id) {
    Tracks tracks;
    for (std::int64_t frame = 1; frame <= frames; ++frame) {
        tracks.push_back({frame, id, {static_cast<double>(frame), 0, 10, 20}, 1, 1});
    }
    return tracks;
}

TEST(Mot, TheTruthItselfScoresFull) {
    Tracks truth = one_walker(5, 1);
    MotScores scores = must_score(truth, one_walker(5, 77), MotRules::kPlain);
    EXPECT_DOUBLE_EQ(mean(scores.hota.hota), 1);
    EXPECT_DOUBLE_EQ(scores.clear.mota, 1);
    EXPECT_DOUBLE_EQ(scores.identity.idf1, 1);
    EXPECT_EQ(scores.clear.mostly_tracked, 1);
}

TEST(Mot, WithoutResultsAllIsMissed) {
    MotScores scores = must_score(one_walker(5, 1), {}, MotRules::kPlain);
    EXPECT_EQ(mean(scores.hota.hota), 0);
    EXPECT_EQ(mean(scores.hota.loc_a), 1);
    EXPECT_EQ(scores.clear.false_negatives, 5);
    EXPECT_EQ(scores.clear.mostly_lost, 1);
    EXPECT_EQ(scores.identity.false_negatives, 5);
}

TEST(Mot, WithoutTruthAllIsFalse) {
    MotScores scores = must_score({}, one_walker(5, 1), MotRules::kPlain);
    EXPECT_EQ(scores.clear.mota, 0);
    EXPECT_EQ(scores.clear.false_positives, 5);
    EXPECT_EQ(scores.identity.false_positives, 5);
}

TEST(Mot, AnIdThatOccursTwiceInAFrameIsNamed) {
    Tracks twice{{3, 9, {0, 0, 1, 1}, 1, -1}, {3, 9, {5, 0, 1, 1}, 1, -1}};
    auto scores = evaluate_tracks(one_walker(5, 1), twice);
    ASSERT_FALSE(scores);
    EXPECT_EQ(scores.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(scores.error().message, HasSubstr("results: id 9 occurs twice in frame 3"));
    scores = evaluate_tracks(twice, one_walker(5, 1));
    ASSERT_FALSE(scores);
    EXPECT_THAT(scores.error().message, HasSubstr("ground truth"));
}

}  // namespace
}  // namespace sluice::eval
