#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/eval/detections.h"
#include "sluice/eval/tracks.h"

namespace sluice::eval {

// Each reader takes plain files and gzipped ones alike. Errors name the file, and the line where
// there are lines.

/// `frame,id,left,top,width,height[,confidence[,class,..]]`
Result<Tracks> read_mot(const std::string& path);
Result<Tracks> parse_mot(std::string_view text, const std::string& name);

/// Tracked objects of our own JSON Lines, as one sequence.
Result<Tracks> read_json_lines_tracks(const std::string& path);

/// COCO ground truth: images, annotations, categories.
Result<DetectionTruth> read_coco_truth(const std::string& path);

/// COCO results: a list of image_id, category_id, bbox, score.
Result<std::vector<DetectedBox>> read_coco_results(const std::string& path);

/// A folder with images/ and labels/ (or one with both kinds of files), a text file per image of
/// `class cx cy width height`, relative to the image's size. Image ids are 1, 2 .. in the order of
/// their names; class ids are as written. `names_path`: a file with a class name per line, or
/// empty.
Result<DetectionTruth> read_yolo_truth(const std::string& folder, const std::string& names_path);

/// Label files of the same kind in `folder` (or its labels/) for images that are known already, by
/// the images' names. None for any of them is an error.
Result<DetectionTruth> read_yolo_labels(const std::string& folder, std::vector<ImageEntry> images);

/// The same files with a score as sixth number, for the images of `truth`.
Result<std::vector<DetectedBox>> read_yolo_results(const std::string& folder,
                                                   const DetectionTruth& truth);

/// Detector boxes of our own JSON Lines. A frame belongs to the image of its uri's file name, or,
/// where no frame's uri names an image, to the image that comes `sequence`-th by name. A class is
/// found by its label, as COCO or Darknet spells it, where the truth names classes, else by its id.
Result<std::vector<DetectedBox>> read_json_lines_detections(const std::string& path,
                                                            const DetectionTruth& truth);

}  // namespace sluice::eval
