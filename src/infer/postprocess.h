#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "sluice/base/fields.h"
#include "sluice/image/preprocess.h"
#include "sluice/infer/heads/head.h"
#include "sluice/infer/nms.h"
#include "sluice/meta/frame.h"

namespace sluice::infer {

/// Numbers as DeepStream's cluster-mode.
enum class ClusterMode { kNms = 2, kNone = 4 };

/// What is kept of one class's boxes. Sizes in processing-resolution pixels.
struct ClassAttributes {
    float pre_cluster_threshold = 0.2f;
    float post_cluster_threshold = 0;
    float nms_iou_threshold = 0.3f;
    int topk = -1;
    int detected_min_w = 0;
    int detected_min_h = 0;
    int detected_max_w = 0;
    int detected_max_h = 0;
};

struct PostprocessOptions {
    ClusterMode cluster_mode = ClusterMode::kNms;
    bool nms_class_agnostic = false;
    std::vector<int> filter_out_class_ids;
    ClassAttributes all;
    std::vector<std::pair<int, ClassAttributes>> by_class;  ///< complete; they replace `all`
};

/// From pixels of the network's image to those in which boxes are wanted: x * scale + offset, cut
/// to `bounds`. What the network did not see it cannot have found: cutting raised the mAP of each
/// model measured (coco-val64: FastestDet 0.218 to 0.240, YOLOX-nano 0.358 to 0.360).
struct BoxMap {
    float scale_x = 1;
    float scale_y = 1;
    float offset_x = 0;
    float offset_y = 0;
    meta::PixelBox bounds{};  ///< in the wanted pixels; zero-sized: none

    meta::PixelBox operator()(const meta::PixelBox& box) const;
};

/// Back to the source's pixels, and further to the processing resolution of `frame`. Bounds are
/// the part of the source that the network saw.
BoxMap to_source(const image::Placement& placement);
BoxMap to_processing(const image::Placement& placement, const meta::Frame& frame);

/// Which boxes stay: the options, worked out for every class.
struct Clustering {
    ClusterMode mode = ClusterMode::kNms;
    Nms::Scope scope = Nms::Scope::kPerClass;
    std::vector<float> thresholds;      ///< least score; beyond any where a class is filtered out
    std::vector<float> iou_thresholds;  ///< least overlap that suppresses
    float lowest = 0;                   ///< of the thresholds
};

/// From a network's outputs to finished detections: find() what the network says, then finish().
/// Reentrant; one per thread.
class Postprocessor {
public:
    /// `labels` may be shorter than the classes (numbers are shown then), not longer. A class id in
    /// the options beyond the head's classes is an error.
    static Result<std::unique_ptr<Postprocessor>> create(std::span<const TensorSpec> outputs,
                                                         const HeadLayout& layout,
                                                         const PostprocessOptions& options,
                                                         std::span<const Name> labels);

    /// Decodes one item of the batch, thresholds and clusters: boxes in pixels of the network's
    /// image, by falling score, without labels. `found` is cleared first, and empty on failure. An
    /// engine may do this part itself (Request::detections).
    Result<void> find(std::span<const memory::TensorView> outputs,
                      std::size_t item,
                      std::vector<meta::Detection>& found);

    /// Maps, limits and labels what was found. Boxes of no extent are dropped.
    void finish(const BoxMap& map, std::vector<meta::Detection>& found);

    int classes() const { return static_cast<int>(attributes_.size()); }
    const Clustering& clustering() const { return clustering_; }

private:
    Postprocessor() = default;

    std::unique_ptr<Head> head_;
    Clustering clustering_;
    std::vector<ClassAttributes> attributes_;
    std::vector<Name> labels_;
    Nms nms_;
    std::vector<int> counts_;  ///< scratch: kept per class
};

}  // namespace sluice::infer

namespace sluice {

template <>
inline constexpr auto enum_words<infer::ClusterMode> =
    std::to_array<std::pair<std::string_view, infer::ClusterMode>>({
        {"nms", infer::ClusterMode::kNms},
        {"none", infer::ClusterMode::kNone},
        {"2", infer::ClusterMode::kNms},
        {"4", infer::ClusterMode::kNone},
    });

template <>
inline constexpr auto fields<infer::ClassAttributes> =
    field_table(field("pre-cluster-threshold",
                      &infer::ClassAttributes::pre_cluster_threshold,
                      range(0.f, 1.f),
                      "lowest score that a box may have",
                      Tunable::kYes),
                field("post-cluster-threshold",
                      &infer::ClassAttributes::post_cluster_threshold,
                      range(0.f, 1.f),
                      "lowest score of a box that is left after clustering"),
                field("nms-iou-threshold",
                      &infer::ClassAttributes::nms_iou_threshold,
                      range(0.f, 1.f),
                      "boxes that overlap a better one by more are dropped",
                      Tunable::kYes),
                field("topk",
                      &infer::ClassAttributes::topk,
                      range(-1, std::numeric_limits<int>::max()),
                      "most boxes of a class, the best; -1: no limit"),
                field("detected-min-w",
                      &infer::ClassAttributes::detected_min_w,
                      range(0, 1 << 20),
                      "narrower boxes are dropped, pixels of the processing resolution"),
                field("detected-min-h",
                      &infer::ClassAttributes::detected_min_h,
                      range(0, 1 << 20),
                      "lower boxes are dropped, pixels"),
                field("detected-max-w",
                      &infer::ClassAttributes::detected_max_w,
                      range(0, 1 << 20),
                      "wider boxes are dropped, pixels; 0: no limit"),
                field("detected-max-h",
                      &infer::ClassAttributes::detected_max_h,
                      range(0, 1 << 20),
                      "higher boxes are dropped, pixels; 0: no limit"));

template <>
inline constexpr auto fields<infer::PostprocessOptions> =
    field_table(field("cluster-mode",
                      &infer::PostprocessOptions::cluster_mode,
                      "how overlapping boxes become one: nms (2) or none (4)"),
                field("nms-class-agnostic",
                      &infer::PostprocessOptions::nms_class_agnostic,
                      "boxes suppress each other across classes"),
                field("filter-out-class-ids",
                      &infer::PostprocessOptions::filter_out_class_ids,
                      "classes that are dropped"));

}  // namespace sluice
