#include "sluice/infer/heads/head.h"

#include "sluice/infer/heads/decode.h"

namespace sluice::infer {

Result<std::unique_ptr<Head>> create_head(std::span<const TensorSpec> outputs,
                                          const HeadLayout& layout) {
    switch (layout.kind()) {
        case HeadKind::kYolox:
        case HeadKind::kYolov5:
            return heads::create_yolo_rows(layout);
        case HeadKind::kYolov8:
            return heads::create_yolov8(layout);
        case HeadKind::kEndToEnd:
            return heads::create_end_to_end(layout);
        case HeadKind::kDetr:
            return heads::create_detr(layout);
        case HeadKind::kSsd:
            return heads::create_ssd(layout);
        case HeadKind::kDetectionOutput:
            return heads::create_detection_output(layout);
        case HeadKind::kCenternet:
            return heads::create_centernet(outputs, layout);
        case HeadKind::kNanodet:
            return heads::create_nanodet(layout);
        case HeadKind::kFastestdet:
            return heads::create_fastestdet(layout);
        case HeadKind::kCustom:
            return heads::create_custom(outputs, layout);
        case HeadKind::kAuto:
        case HeadKind::kClassifier:
        case HeadKind::kTensors:
            break;
    }
    return invalid_argument("the model is no detector: its head is " + to_text(layout.kind()));
}

}  // namespace sluice::infer
