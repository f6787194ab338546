// Each tracker on recorded detections, scored against ground truth, beside what its authors' code
// scored on the same boxes (HOTA in per cent; shared/data/README.md tells how it was run).

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/eval/mot_metrics.h"
#include "sluice/eval/readers.h"
#include "sluice/track/registry.h"

namespace sluice::track {
namespace {

struct Case {
    const char* tracker;
    const char* detector;
    const char* sequence;
    double hota;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.tracker << " " << c.detector << " " << c.sequence;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
    std::string name =
        std::string(info.param.tracker) + "_" + info.param.detector + "_" + info.param.sequence;
    for (char& c : name) {
        if (c == '-') c = '_';
    }
    return name;
}

std::string data_folder() {
    const char* environment = std::getenv("SLUICE_TEST_DATA");
    return environment ? environment : SLUICE_TEST_DATA;
}

/// The reference runs' settings; what is not named here is a default.
TrackerSettings settings_of(const Case& c) {
    bool yolox = std::string(c.detector) == "yolox";
    TrackerSettings settings;
    settings.name = c.tracker;
    if (settings.name == "sort") {
        settings.options = {{"min-detector-confidence", yolox ? "0.5" : "0"}};
    } else if (settings.name == "ocsort") {
        settings.options = {{"det-thresh", yolox ? "0.5" : "0.6"}};
    } else {
        settings.options = {{"track-thresh", yolox ? "0.5" : "0.6"}};
    }
    return settings;
}

using Frames = std::map<std::int64_t, std::vector<meta::Detection>>;

Frames by_frame(const eval::Tracks& rows) {
    Frames frames;
    for (const eval::TrackRow& row : rows) {
        meta::Detection detection;
        detection.box = {static_cast<float>(row.box.left),
                         static_cast<float>(row.box.top),
                         static_cast<float>(row.box.width),
                         static_cast<float>(row.box.height)};
        detection.score = static_cast<float>(row.confidence);
        frames[row.frame].push_back(detection);
    }
    return frames;
}

eval::Tracks follow(Tracker& tracker, Frames frames) {
    eval::Tracks rows;
    std::vector<TrackedObject> tracks;
    std::int64_t last = frames.empty() ? 0 : frames.rbegin()->first;
    for (std::int64_t frame = 1; frame <= last; ++frame) {
        FrameInput input;
        input.pts_ns = frame * 1'000'000'000 / 30;
        tracker.update(input, frames[frame], tracks);
        for (const TrackedObject& track : tracks) {
            eval::TrackRow row;
            row.frame = frame;
            row.id = static_cast<std::int64_t>(track.track_id.value);
            row.box = {track.box.left, track.box.top, track.box.width, track.box.height};
            rows.push_back(row);
        }
    }
    return rows;
}

class TrackGolden : public testing::TestWithParam<Case> {};

TEST_P(TrackGolden, ScoresAsTheOriginalDoes) {
    const Case& c = GetParam();
    std::string folder = data_folder();
    if (!std::filesystem::exists(folder + "/tracking"))
        GTEST_SKIP() << "no test data at " << folder << " (set SLUICE_TEST_DATA)";
    std::string sequence = c.sequence;
    bool yolox = std::string(c.detector) == "yolox";
    auto detections = eval::read_mot(
        yolox ? folder + "/tracker-reference/detections/" + sequence + "_det_yolox_nano.txt.gz"
              : folder + "/tracking/" + sequence + "/det_frcnn.txt.gz");
    ASSERT_TRUE(detections) << detections.error().text();
    auto truth = eval::read_mot(folder + "/tracking/" + sequence + "/gt.txt.gz");
    ASSERT_TRUE(truth) << truth.error().text();

    auto tracker = create_tracker(settings_of(c));
    ASSERT_TRUE(tracker) << tracker.error().text();
    auto scores = eval::evaluate_tracks(*truth, follow(**tracker, by_frame(*detections)));
    ASSERT_TRUE(scores) << scores.error().text();
    double hota = 100 * eval::mean(scores->hota.hota);
    RecordProperty("hota", std::to_string(hota));
    EXPECT_NEAR(hota, c.hota, 0.3);
}

INSTANTIATE_TEST_SUITE_P(Mot15,
                         TrackGolden,
                         testing::Values(Case{"sort", "yolox", "PETS09-S2L1", 40.287},
                                         Case{"sort", "yolox", "TUD-Campus", 46.319},
                                         Case{"sort", "yolox", "TUD-Stadtmitte", 58.800},
                                         Case{"bytetrack", "yolox", "PETS09-S2L1", 48.892},
                                         Case{"bytetrack", "yolox", "TUD-Campus", 50.015},
                                         Case{"bytetrack", "yolox", "TUD-Stadtmitte", 60.056},
                                         Case{"ocsort", "yolox", "PETS09-S2L1", 45.295},
                                         Case{"ocsort", "yolox", "TUD-Campus", 53.763},
                                         Case{"ocsort", "yolox", "TUD-Stadtmitte", 55.463},
                                         Case{"sort", "frcnn", "ADL-Rundle-6", 34.315},
                                         Case{"sort", "frcnn", "ETH-Bahnhof", 45.778},
                                         Case{"sort", "frcnn", "ETH-Sunnyday", 54.524},
                                         Case{"sort", "frcnn", "KITTI-13", 27.955},
                                         Case{"sort", "frcnn", "PETS09-S2L1", 30.581},
                                         Case{"bytetrack", "frcnn", "ADL-Rundle-6", 35.388},
                                         Case{"bytetrack", "frcnn", "ETH-Bahnhof", 40.644},
                                         Case{"bytetrack", "frcnn", "ETH-Sunnyday", 55.648},
                                         Case{"bytetrack", "frcnn", "KITTI-13", 29.509},
                                         Case{"bytetrack", "frcnn", "PETS09-S2L1", 38.349},
                                         Case{"ocsort", "frcnn", "ADL-Rundle-6", 32.028},
                                         Case{"ocsort", "frcnn", "ETH-Bahnhof", 40.975},
                                         Case{"ocsort", "frcnn", "ETH-Sunnyday", 52.946},
                                         Case{"ocsort", "frcnn", "KITTI-13", 26.167},
                                         Case{"ocsort", "frcnn", "PETS09-S2L1", 35.184}),
                         name_of);

}  // namespace
}  // namespace sluice::track
