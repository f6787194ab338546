#pragma once

#include <string>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/eval/detections.h"
#include "sluice/eval/tracks.h"

namespace sluice::cli {

struct SequencePair {
    std::string name;
    eval::Tracks truth;
    eval::Tracks results;
};

/// Finds what belongs together. Two files are one sequence; of two folders, each sequence of the
/// results (NAME.txt, .txt.gz, .jsonl) that the ground truth has too: NAME.txt, NAME.txt.gz,
/// NAME/gt.txt[.gz] or NAME/gt/gt.txt[.gz]. `names` picks some; one that is absent is an error.
Result<std::vector<SequencePair>> load_sequences(const std::string& truth,
                                                 const std::string& results,
                                                 const std::vector<std::string>& names);

/// COCO JSON, or a YOLO folder.
Result<eval::DetectionTruth> load_truth(const std::string& path, const std::string& names_path);

/// COCO results JSON, our JSON Lines, or a YOLO folder.
Result<std::vector<eval::DetectedBox>> load_detections(const std::string& path,
                                                       const eval::DetectionTruth& truth);

}  // namespace sluice::cli
