#include "sluice/cli/eval_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::cli {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const eval::Hota& hota) {
    return {{"hota", eval::mean(hota.hota)},
            {"det_a", eval::mean(hota.det_a)},
            {"ass_a", eval::mean(hota.ass_a)},
            {"det_re", eval::mean(hota.det_re)},
            {"det_pr", eval::mean(hota.det_pr)},
            {"ass_re", eval::mean(hota.ass_re)},
            {"ass_pr", eval::mean(hota.ass_pr)},
            {"loc_a", eval::mean(hota.loc_a)}};
}

Json to_json(const eval::Clear& clear) {
    return {{"mota", clear.mota},
            {"motp", clear.motp},
            {"recall", clear.recall},
            {"precision", clear.precision},
            {"true_positives", clear.true_positives},
            {"false_positives", clear.false_positives},
            {"false_negatives", clear.false_negatives},
            {"id_switches", clear.id_switches},
            {"fragments", clear.fragments},
            {"mostly_tracked", clear.mostly_tracked},
            {"partly_tracked", clear.partly_tracked},
            {"mostly_lost", clear.mostly_lost}};
}

Json to_json(const eval::Identity& identity) {
    return {{"idf1", identity.idf1},
            {"idp", identity.idp},
            {"idr", identity.idr},
            {"true_positives", identity.true_positives},
            {"false_positives", identity.false_positives},
            {"false_negatives", identity.false_negatives}};
}

/// Names come from files and need not be UTF-8.
std::string text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json score_or_null(double score) {
    return score == eval::kNoScore ? Json() : Json(score);
}
std::string percent(double score) {
    return score == eval::kNoScore ? "-" : fmt::format("{:.2f}", 100 * score);
}

}  // namespace

std::string mot_table(const std::vector<NamedScores>& scores) {
    std::size_t width = 8;
    for (const NamedScores& row : scores)
        width = std::max(width, row.name.size());
    std::string out = fmt::format(
        "{:<{}} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6} {:>6} {:>6} {:>6} {:>5} {:>4} "
        "{:>4} {:>4}\n",
        "sequence",
        width,
        "HOTA",
        "DetA",
        "AssA",
        "MOTA",
        "MOTP",
        "IDF1",
        "Rcll",
        "Prcn",
        "FP",
        "FN",
        "IDs",
        "Frag",
        "MT",
        "PT",
        "ML");
    for (const auto& [name, row] : scores) {
        out += fmt::format(
            "{:<{}} {:>7.3f} {:>7.3f} {:>7.3f} {:>7.2f} {:>7.2f} {:>7.2f} {:>7.2f} {:>6.2f} {:>6} "
            "{:>6} {:>6} {:>5} {:>4} {:>4} {:>4}\n",
            name,
            width,
            100 * eval::mean(row.hota.hota),
            100 * eval::mean(row.hota.det_a),
            100 * eval::mean(row.hota.ass_a),
            100 * row.clear.mota,
            100 * row.clear.motp,
            100 * row.identity.idf1,
            100 * row.clear.recall,
            100 * row.clear.precision,
            row.clear.false_positives,
            row.clear.false_negatives,
            row.clear.id_switches,
            row.clear.fragments,
            row.clear.mostly_tracked,
            row.clear.partly_tracked,
            row.clear.mostly_lost);
    }
    return out;
}

std::string mot_json(const std::vector<NamedScores>& scores) {
    Json sequences = Json::array();
    for (const auto& [name, row] : scores) {
        sequences.push_back({{"name", name},
                             {"hota", to_json(row.hota)},
                             {"clear", to_json(row.clear)},
                             {"identity", to_json(row.identity)}});
    }
    return text({{"sequences", sequences}});
}

std::string detections_table(const eval::CocoScores& scores) {
    std::string out = fmt::format(
        "{:<22} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}\n{:<22} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}\n",
        "precision",
        "mAP",
        "AP50",
        "AP75",
        "small",
        "medium",
        "large",
        "",
        percent(scores.ap),
        percent(scores.ap50),
        percent(scores.ap75),
        percent(scores.ap_small),
        percent(scores.ap_medium),
        percent(scores.ap_large));
    out += fmt::format(
        "{:<22} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}\n{:<22} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}\n",
        "recall",
        "AR@1",
        "AR@10",
        "AR@100",
        "small",
        "medium",
        "large",
        "",
        percent(scores.ar_1),
        percent(scores.ar_10),
        percent(scores.ar_100),
        percent(scores.ar_small),
        percent(scores.ar_medium),
        percent(scores.ar_large));
    out += fmt::format("\n{:<22} {:>7} {:>7} {:>7} {:>7}\n", "class", "boxes", "AP", "AP50", "AR");
    for (const eval::CategoryScores& row : scores.categories) {
        if (row.truth_boxes == 0) continue;
        std::string name = row.name.empty() ? fmt::format("{}", row.id) : row.name;
        out += fmt::format("{:<22} {:>7} {:>7} {:>7} {:>7}\n",
                           name,
                           row.truth_boxes,
                           percent(row.ap),
                           percent(row.ap50),
                           percent(row.ar));
    }
    return out;
}

std::string detections_json(const eval::CocoScores& scores) {
    Json categories = Json::array();
    for (const eval::CategoryScores& row : scores.categories) {
        categories.push_back({{"id", row.id},
                              {"name", row.name},
                              {"boxes", row.truth_boxes},
                              {"ap", score_or_null(row.ap)},
                              {"ap50", score_or_null(row.ap50)},
                              {"ar", score_or_null(row.ar)}});
    }
    return text({{"ap", score_or_null(scores.ap)},
                 {"ap50", score_or_null(scores.ap50)},
                 {"ap75", score_or_null(scores.ap75)},
                 {"ap_small", score_or_null(scores.ap_small)},
                 {"ap_medium", score_or_null(scores.ap_medium)},
                 {"ap_large", score_or_null(scores.ap_large)},
                 {"ar_1", score_or_null(scores.ar_1)},
                 {"ar_10", score_or_null(scores.ar_10)},
                 {"ar_100", score_or_null(scores.ar_100)},
                 {"ar_small", score_or_null(scores.ar_small)},
                 {"ar_medium", score_or_null(scores.ar_medium)},
                 {"ar_large", score_or_null(scores.ar_large)},
                 {"categories", categories}});
}

}  // namespace sluice::cli
