#include "sluice/infer/postprocess.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace sluice::infer {
namespace {

constexpr float kNever = std::numeric_limits<float>::infinity();

Result<void> check_class(std::string_view option, int class_id, int classes) {
    if (class_id >= 0 && class_id < classes) return {};
    return invalid_argument(
        fmt::format("{}: class {} is not among the network's {} classes (0 .. {})",
                    option,
                    class_id,
                    classes,
                    classes - 1));
}

bool fits(const meta::PixelBox& box, const ClassAttributes& attributes) {
    auto within = [](float extent, int least, int most) {
        return extent >= static_cast<float>(least) &&
               (most == 0 || extent <= static_cast<float>(most));
    };
    return within(box.width, attributes.detected_min_w, attributes.detected_max_w) &&
           within(box.height, attributes.detected_min_h, attributes.detected_max_h);
}

}  // namespace

meta::PixelBox BoxMap::operator()(const meta::PixelBox& box) const {
    const meta::PixelBox mapped{box.left * scale_x + offset_x,
                                box.top * scale_y + offset_y,
                                box.width * scale_x,
                                box.height * scale_y};
    if (bounds.width <= 0 || bounds.height <= 0) return mapped;
    const float left = std::clamp(mapped.left, bounds.left, bounds.right());
    const float top = std::clamp(mapped.top, bounds.top, bounds.bottom());
    return {left,
            top,
            std::clamp(mapped.right(), bounds.left, bounds.right()) - left,
            std::clamp(mapped.bottom(), bounds.top, bounds.bottom()) - top};
}

BoxMap to_source(const image::Placement& placement) {
    const image::Rect& crop = placement.crop;
    return {1 / placement.scale_x,
            1 / placement.scale_y,
            placement.source_x(0),
            placement.source_y(0),
            {crop.left, crop.top, crop.width, crop.height}};
}

BoxMap to_processing(const image::Placement& placement, const meta::Frame& frame) {
    const BoxMap source = to_source(placement);
    if (frame.source_size.width <= 0 || frame.source_size.height <= 0) return source;
    const float x = frame.content.width / static_cast<float>(frame.source_size.width);
    const float y = frame.content.height / static_cast<float>(frame.source_size.height);
    const BoxMap further{x, y, frame.content.left, frame.content.top, {}};
    return {source.scale_x * x,
            source.scale_y * y,
            source.offset_x * x + frame.content.left,
            source.offset_y * y + frame.content.top,
            further(source.bounds)};
}

Result<std::unique_ptr<Postprocessor>> Postprocessor::create(std::span<const TensorSpec> outputs,
                                                             const HeadLayout& layout,
                                                             const PostprocessOptions& options,
                                                             std::span<const Name> labels) {
    const int classes = layout.classes();
    std::unique_ptr<Postprocessor> out(new Postprocessor);
    out->head_ = SLUICE_TRY(create_head(outputs, layout));
    Clustering& clustering = out->clustering_;
    clustering.mode = options.cluster_mode;
    if (options.nms_class_agnostic) clustering.scope = Nms::Scope::kAcrossClasses;

    const auto count = static_cast<std::size_t>(classes);
    out->attributes_.assign(count, options.all);
    for (const auto& [class_id, attributes] : options.by_class) {
        SLUICE_TRY(check_class(fmt::format("class-attrs-{}", class_id), class_id, classes));
        out->attributes_[static_cast<std::size_t>(class_id)] = attributes;
    }
    for (const ClassAttributes& attributes : out->attributes_) {
        clustering.thresholds.push_back(attributes.pre_cluster_threshold);
        clustering.iou_thresholds.push_back(attributes.nms_iou_threshold);
    }
    for (int class_id : options.filter_out_class_ids) {
        SLUICE_TRY(check_class("option 'filter-out-class-ids'", class_id, classes));
        clustering.thresholds[static_cast<std::size_t>(class_id)] = kNever;
    }
    clustering.lowest =
        *std::min_element(clustering.thresholds.begin(), clustering.thresholds.end());
    if (labels.size() > count)
        return invalid_argument(
            fmt::format("{} labels for a network of {} classes", labels.size(), classes));
    out->labels_.assign(labels.begin(), labels.end());
    for (std::size_t i = labels.size(); i < count; ++i)
        out->labels_.emplace_back(fmt::format("{}", i));
    out->counts_.resize(count);
    return out;
}

// Overlaps are the same in every resolution, so that boxes are clustered before they are mapped.
Result<void> Postprocessor::find(std::span<const memory::TensorView> outputs,
                                 std::size_t item,
                                 std::vector<meta::Detection>& found) {
    found.clear();
    SLUICE_TRY(head_->decode({outputs, item, {clustering_.lowest, clustering_.thresholds}}, found));
    if (clustering_.mode == ClusterMode::kNms) {
        nms_.run(found, clustering_.iou_thresholds, clustering_.scope);
    } else {
        nms_.sort(found);
    }
    return {};
}

void Postprocessor::finish(const BoxMap& map, std::vector<meta::Detection>& found) {
    std::fill(counts_.begin(), counts_.end(), 0);
    std::size_t kept = 0;
    for (meta::Detection& detection : found) {
        const auto class_id = static_cast<std::size_t>(detection.class_id.value);
        const ClassAttributes& attributes = attributes_[class_id];
        detection.box = map(detection.box);
        if (detection.box.width <= 0 || detection.box.height <= 0) continue;
        if (detection.score < attributes.post_cluster_threshold) continue;
        if (attributes.topk >= 0 && counts_[class_id] >= attributes.topk) continue;
        ++counts_[class_id];
        if (!fits(detection.box, attributes)) continue;
        detection.label = labels_[class_id];
        found[kept++] = detection;
    }
    found.resize(kept);
}

}  // namespace sluice::infer
