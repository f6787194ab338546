#include <nlohmann/json.hpp>

#include "sluice/tuner/calibration_report.h"

namespace sluice::tuner {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Accuracy& accuracy) {
    Json classes = Json::array();
    for (const ClassAccuracy& line : accuracy.classes)
        classes.push_back({{"name", line.name},
                           {"boxes", line.boxes},
                           {"f1", line.f1},
                           {"mean_iou", line.mean_overlap}});
    return {{"value", accuracy.value},
            {"loss", accuracy.loss},
            {"loss_95", {accuracy.interval.low, accuracy.interval.high}},
            {"f1", accuracy.f1},
            {"mean_iou", accuracy.mean_overlap},
            {"classes", classes},
            {"by_picture", accuracy.by_sample}};
}

Json to_json(const LayerReport& line) {
    return {{"name", line.layer.name},
            {"kind", line.layer.kind},
            {"input", line.layer.input},
            {"multiply_adds", line.layer.multiply_adds},
            {"db_alone", line.distance ? Json(decibels(*line.distance)) : Json()},
            {"in_float", line.in_float}};
}

Json to_json(const DomainReport& domain) {
    return {{"fits", domain.fits},
            {"clipped", domain.clipped},
            {"tensors", domain.tensors},
            {"too_wide", domain.too_wide},
            {"worst", domain.worst},
            {"pictures", domain.pictures},
            {"strange", domain.strange}};
}

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::kPassed:
            return "passed";
        case Verdict::kForced:
            return "forced";
        case Verdict::kRefused:
            return "refused";
    }
    return "";
}

}  // namespace

std::string to_json(const CalibrationReport& report) {
    Json out{{"schema", "sluice.calibrate/1"},
             {"verdict", to_string(report.verdict)},
             {"reasons", report.reasons},
             {"model", report.model},
             {"head", report.head},
             {"device", report.device},
             {"images", report.images},
             {"image_count", report.image_count},
             {"held_out", report.held_out},
             {"warnings", report.warnings},
             {"measure", std::string(to_string(report.measure))},
             {"floor", report.floor},
             {"fp32", report.fp32_value},
             {"int8", to_json(report.int8)},
             {"emulated", report.emulated},
             {"method", report.method},
             {"bias_corrected", report.bias_corrected},
             {"int8_share", report.int8_share},
             {"chosen", to_text(report.chosen)},
             {"batch", report.batch},
             {"speed", speed_sentence(report)},
             {"written", report.written}};
    out["methods"] = Json::object();
    for (const auto& [method, distance] : report.methods)
        out["methods"][method] = decibels(distance);
    out["tries"] = Json::array();
    for (const TryReport& line : report.tries)
        out["tries"].push_back(
            {{"in_float", line.in_float}, {"int8_share", line.int8_share}, {"loss", line.loss}});
    out["precisions"] = Json::array();
    for (const PrecisionReport& line : report.precisions)
        out["precisions"].push_back({{"precision", to_text(line.precision)},
                                     {"images_per_second", line.images_per_second},
                                     {"loss", line.accuracy.loss},
                                     {"passed", line.passed}});
    out["layers"] = Json::array();
    for (const LayerReport& line : report.layers)
        out["layers"].push_back(to_json(line));
    if (report.check) out["calibrated_on"] = report.calibrated_on;
    if (report.domain) out["domain"] = to_json(*report.domain);
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::tuner
