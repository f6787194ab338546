#include "sluice/infer/conventions.h"

namespace sluice::infer {
namespace {

using image::ChannelOrder;

constexpr float kPer255 = 1 / 255.f;
/// Exports that still need suppression have one row per grid cell, the others one per query.
bool is_query_list(std::int64_t rows) {
    return rows >= 0 && rows <= 1000;
}

void letterbox(PreprocessOptions& options, bool symmetric) {
    options.maintain_aspect_ratio = true;
    options.symmetric_padding = symmetric;
    options.fill_value = 114;
}

void imagenet(PreprocessOptions& options) {
    options.net_scale_factor = kPer255;
    options.offsets = {123.675f, 116.28f, 103.53f};
    options.channel_std = {0.229f, 0.224f, 0.225f};
}

void thresholds(PostprocessOptions& options, float score, float overlap) {
    options.all.pre_cluster_threshold = score;
    options.all.nms_iou_threshold = overlap;
}

void centernet(bool two_maps, PreprocessOptions& preprocess, PostprocessOptions& postprocess) {
    postprocess.cluster_mode = ClusterMode::kNone;
    postprocess.all.pre_cluster_threshold = 0.3f;
    if (!two_maps) return;  // TTFNet and its like: RGB 0..255, stretched
    // Objects as Points: BGR, its own statistics of COCO, black bars.
    preprocess.model_color_format = ChannelOrder::kBgr;
    preprocess.net_scale_factor = kPer255;
    preprocess.offsets = {104.04f, 113.985f, 119.85f};
    preprocess.channel_std = {0.289f, 0.274f, 0.278f};
    letterbox(preprocess, true);
    preprocess.fill_value = 0;
}

}  // namespace

void use_unit_range(PreprocessOptions& preprocess) {
    preprocess.net_scale_factor = kPer255;
    preprocess.offsets.clear();
    preprocess.channel_std.clear();
}

void apply_conventions(const HeadLayout& head,
                       std::span<const TensorSpec> outputs,
                       PreprocessOptions& preprocess,
                       PostprocessOptions& postprocess) {
    switch (head.kind()) {
        case HeadKind::kYolox:
            preprocess.model_color_format = ChannelOrder::kBgr;
            letterbox(preprocess, false);
            thresholds(postprocess, 0.25f, 0.45f);
            break;
        case HeadKind::kYolov5:
        case HeadKind::kYolov8:
            preprocess.net_scale_factor = kPer255;
            letterbox(preprocess, true);
            thresholds(postprocess, 0.25f, 0.45f);
            break;
        case HeadKind::kEndToEnd:
            preprocess.net_scale_factor = kPer255;
            if (head.options.box_layout == BoxLayout::kXyxy) letterbox(preprocess, true);
            thresholds(postprocess, 0.25f, 0.45f);
            if (is_query_list(outputs[head.parts[0]].shape[1]))
                postprocess.cluster_mode = ClusterMode::kNone;
            break;
        case HeadKind::kDetr:
            preprocess.net_scale_factor = kPer255;
            if (head.options.score_activation == ScoreActivation::kSoftmax) imagenet(preprocess);
            postprocess.cluster_mode = ClusterMode::kNone;
            postprocess.all.pre_cluster_threshold = 0.5f;
            break;
        case HeadKind::kSsd:
            postprocess.cluster_mode = ClusterMode::kNone;
            postprocess.all.pre_cluster_threshold = 0.4f;
            break;
        case HeadKind::kDetectionOutput:
            preprocess.model_color_format = ChannelOrder::kBgr;
            postprocess.cluster_mode = ClusterMode::kNone;
            postprocess.all.pre_cluster_threshold = 0.4f;
            break;
        case HeadKind::kCenternet:
            centernet(outputs[head.parts[1]].shape[1] == 2, preprocess, postprocess);
            break;
        case HeadKind::kNanodet:
            preprocess.model_color_format = ChannelOrder::kBgr;
            preprocess.offsets = {103.53f, 116.28f, 123.675f};
            preprocess.channel_std = {57.375f, 57.12f, 58.395f};
            thresholds(postprocess, 0.35f, 0.6f);
            break;
        case HeadKind::kFastestdet:
            preprocess.model_color_format = ChannelOrder::kBgr;
            preprocess.net_scale_factor = kPer255;
            thresholds(postprocess, 0.4f, 0.45f);
            break;
        case HeadKind::kClassifier:
            imagenet(preprocess);
            break;
        case HeadKind::kAuto:
        case HeadKind::kTensors:
        case HeadKind::kCustom:
            break;
    }
}

}  // namespace sluice::infer
