#include "sluice/cli/eval_command.h"

#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sluice/cli/eval_inputs.h"
#include "sluice/cli/eval_report.h"

namespace sluice::cli {
namespace {

constexpr const char* kMotExamples =
    "Examples:\n"
    "  sluice eval mot gt.txt.gz tracks.txt\n"
    "  sluice eval mot MOT15/train out/ --sequences PETS09-S2L1 TUD-Campus\n"
    "  sluice eval mot gt.txt tracks.jsonl --json";
constexpr const char* kDetectionsExamples =
    "Examples:\n"
    "  sluice eval detections instances_val2017.json results.json\n"
    "  sluice eval detections coco-val64 out/ --names coco.names\n"
    "  sluice eval detections coco-val64 out/detections.jsonl --names coco.names --json";

struct MotOptions {
    std::string truth;
    std::string results;
    std::vector<std::string> sequences;
    std::string rules = "plain";
};

struct DetectionsOptions {
    std::string truth;
    std::string detections;
    std::string names;
};

eval::MotRules to_rules(const std::string& word) {
    if (word == "mot17") return eval::MotRules::kMot17;
    if (word == "mot20") return eval::MotRules::kMot20;
    return eval::MotRules::kPlain;
}

Result<std::string> report_mot(const MotOptions& options, bool json) {
    auto pairs = SLUICE_TRY(load_sequences(options.truth, options.results, options.sequences));
    std::vector<NamedScores> rows;
    std::vector<eval::MotScores> all;
    for (const SequencePair& pair : pairs) {
        eval::MotScores scores =
            SLUICE_TRY(eval::evaluate_tracks(pair.truth, pair.results, to_rules(options.rules))
                           .context(pair.name));
        rows.push_back({pair.name, scores});
        all.push_back(scores);
    }
    if (all.size() > 1) rows.push_back({"combined", eval::combine(all)});
    return json ? mot_json(rows) : mot_table(rows);
}

Result<std::string> report_detections(const DetectionsOptions& options, bool json) {
    eval::DetectionTruth truth = SLUICE_TRY(load_truth(options.truth, options.names));
    auto detections = SLUICE_TRY(load_detections(options.detections, truth));
    eval::CocoScores scores =
        SLUICE_TRY(eval::evaluate_detections(truth, detections).context(options.detections));
    return json ? detections_json(scores) : detections_table(scores);
}

CLI::App* add_mot(CLI::App& app, MotOptions& options, bool& json) {
    CLI::App* mot = app.add_subcommand(
        "mot", "Score tracks: HOTA, CLEAR and identity, as TrackEval computes them");
    mot->add_option("GT", options.truth, "MOT Challenge ground truth: a file or a folder")
        ->required();
    mot->add_option(
           "RESULTS", options.results, "tracks: MOT Challenge or JSON Lines, file or folder")
        ->required();
    mot->add_option("--sequences", options.sequences, "only these, of a folder");
    mot->add_option("--rules", options.rules, "what is removed first: plain (MOT15), mot17, mot20")
        ->check(CLI::IsMember({"plain", "mot17", "mot20"}));
    mot->add_flag("--json", json, "fractions as JSON instead of a table in per cent");
    mot->footer(kMotExamples);
    return mot;
}

CLI::App* add_detections(CLI::App& app, DetectionsOptions& options, bool& json) {
    CLI::App* detections = app.add_subcommand(
        "detections", "Score detections: COCO's mAP, AP50 .. as pycocotools computes them");
    detections
        ->add_option("GT", options.truth, "COCO JSON, or a YOLO folder with images and labels")
        ->required();
    detections
        ->add_option("DETECTIONS",
                     options.detections,
                     "COCO results JSON, our JSON Lines (.jsonl), or a YOLO folder with scores")
        ->required();
    detections->add_option("--names", options.names, "class names of a YOLO folder, one per line");
    detections->add_flag("--json", json, "fractions as JSON instead of a table in per cent");
    detections->footer(kDetectionsExamples);
    return detections;
}

}  // namespace

int run_eval(int argc, char** argv) {
    CLI::App app("Scores tracks or detections against ground truth", "sluice eval");
    app.require_subcommand(1);
    bool json = false;
    MotOptions mot_options;
    DetectionsOptions detections_options;
    CLI::App* mot = add_mot(app, mot_options, json);
    add_detections(app, detections_options, json);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kEvalDone : kEvalBadInput;
    }
    auto report =
        mot->parsed() ? report_mot(mot_options, json) : report_detections(detections_options, json);
    if (!report) {
        fmt::print(stderr, "sluice eval: {}\n", report.error().text());
        return kEvalBadInput;
    }
    std::fputs(report->c_str(), stdout);
    return kEvalDone;
}

}  // namespace sluice::cli
