#include "sluice/infer/runner.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::infer {
namespace {

meta::PixelBox whole(const memory::Size& size) {
    return {0, 0, static_cast<float>(size.width), static_cast<float>(size.height)};
}

}  // namespace

ItemPlace whole_frame(meta::Frame& frame) {
    return {&frame, meta::kNoParent, {}, meta::kUntracked};
}

ItemPlace object_of(meta::Frame& frame, std::size_t object) {
    const meta::Object& of = frame.objects[object];
    return {&frame, static_cast<std::int32_t>(object), of.box, of.track_id};
}

image::Rect source_rect(const meta::Frame& frame, const meta::PixelBox& box) {
    float x = static_cast<float>(frame.source_size.width) / frame.content.width;
    float y = static_cast<float>(frame.source_size.height) / frame.content.height;
    return {(box.left - frame.content.left) * x,
            (box.top - frame.content.top) * y,
            box.width * x,
            box.height * y};
}

Result<std::unique_ptr<Runner>> Runner::create(const RunnerOptions& options) {
    std::unique_ptr<Runner> runner(new Runner);
    runner->component_id_ = options.component_id;
    runner->output_tensors_ = options.output_tensors;
    runner->model_ = SLUICE_TRY(read_model(options.model));
    Model& model = *runner->model_;
    auto described = options.file.describe(model.inputs(), model.outputs(), model.metadata());
    if (!described) return std::move(described).error().context(options.model);
    runner->description_ = std::move(*described);
    const ModelDescription& description = runner->description_;

    InputAdaptation input = adaptation(description.preprocess);
    input.height = description.input.height;
    input.width = description.input.width;
    runner->engine_ = SLUICE_TRY(model.compile(options.engine, input));
    Engine& engine = *runner->engine_;
    auto pixels = SLUICE_TRY(plan(description.preprocess, engine.inputs()[0]));
    Stages stages{pixels, nullptr, &description.postprocess, options.output_tensors};
    if (description.head.detects()) stages.head = &description.head;
    runner->taken_ = engine.take_stages(stages);
    if (!runner->taken_.pixels)
        runner->preprocessor_.emplace(SLUICE_TRY(image::Preprocessor::create(pixels)));

    if (description.head.detects()) {
        runner->postprocessor_ = SLUICE_TRY(Postprocessor::create(engine.outputs(),
                                                                  description.head,
                                                                  description.postprocess,
                                                                  description.labels.classes));
    } else if (description.head.kind() == HeadKind::kClassifier) {
        runner->classifier_.emplace(SLUICE_TRY(Classifier::create(
            engine.outputs(), description.classifier, description.labels, options.component_id)));
    } else {
        runner->output_tensors_ = true;  // nothing else to give
    }
    return runner;
}

Result<Runner::Slot> Runner::make_slot() const {
    Slot slot;
    slot.request_ = SLUICE_TRY(engine_->create_request());
    auto capacity = static_cast<std::size_t>(engine_->batch_size());
    slot.places_.reserve(capacity);
    slot.items_.reserve(capacity);
    return slot;
}

Result<void> Runner::add(Slot& slot, const memory::ImageView& image, ItemPlace place) {
    image::Rect crop{
        0, 0, static_cast<float>(image.size.width), static_cast<float>(image.size.height)};
    if (place.object != meta::kNoParent) {
        crop = source_rect(*place.frame, place.box);
    }
    image::Placement placement = SLUICE_TRY(put(slot, image, crop));
    slot.items_.push_back({placement, to_processing(placement, *place.frame)});
    slot.places_.push_back(place);
    return {};
}

Result<image::Placement> Runner::put(Slot& slot,
                                     const memory::ImageView& image,
                                     const image::Rect& crop) {
    if (taken_.pixels) return slot.request_->put(slot.size(), image, crop);
    std::span<std::byte> destination = slot.request_->item(0, slot.size());
    if (destination.size() < preprocessor_->output_bytes()) {
        return internal_error("the engine's input is smaller than the picture");
    }
    return preprocessor_->run(image, crop, destination.data());
}

Result<void> Runner::submit(Slot& slot) {
    slot.request_->set_count(slot.size());
    return engine_->submit(*slot.request_);
}

Result<void> Runner::read(Slot& slot, ObjectCache* cache) {
    Result<void> outcome;
    for (std::size_t item = 0; outcome && item < slot.places_.size(); ++item) {
        outcome = read_item(slot, item, cache);
    }
    discard(slot);
    return outcome;
}

void Runner::discard(Slot& slot) const {
    slot.places_.clear();
    slot.items_.clear();
}

Result<void> Runner::read_item(const Slot& slot, std::size_t item, ObjectCache* cache) {
    if (output_tensors_) keep_tensors(slot, item);
    if (postprocessor_) return detect(slot, item);
    if (classifier_) return classify(slot.places_[item], item, slot, cache);
    return {};
}

Result<void> Runner::detect(const Slot& slot, std::size_t item) {
    const ItemPlace& place = slot.places_[item];
    if (taken_.detections) {
        SLUICE_TRY(slot.request_->detections(static_cast<int>(item), found_));
    } else {
        SLUICE_TRY(postprocessor_->find(slot.request_->outputs(), item, found_));
    }
    postprocessor_->finish(slot.items_[item].map, found_);
    meta::Frame& frame = *place.frame;
    for (const meta::Detection& detection : found_) {
        meta::Object object;
        object.box = object.detector_box = detection.box;
        object.score = detection.score;
        object.class_id = detection.class_id;
        object.label = detection.label;
        object.component_id = component_id_;
        object.parent = place.object;
        frame.objects.push_back(std::move(object));
    }
    return {};
}

Result<void> Runner::classify(const ItemPlace& place,
                              std::size_t item,
                              const Slot& slot,
                              ObjectCache* cache) {
    labels_.clear();
    SLUICE_TRY(classifier_->classify(slot.request_->outputs(), item, labels_));
    meta::Frame& frame = *place.frame;
    if (place.object == meta::kNoParent) {
        // As DeepStream does: what is said of a whole frame hangs on an object of class -1.
        meta::Object object;
        object.box = object.detector_box = whole(frame.size);
        object.class_id = meta::ClassId(-1);
        object.component_id = component_id_;
        object.labels = labels_;
        frame.objects.push_back(std::move(object));
        return {};
    }
    meta::Object& object = frame.objects[static_cast<std::size_t>(place.object)];
    object.labels.insert(object.labels.end(), labels_.begin(), labels_.end());
    if (cache && object.tracked()) cache->store(frame.source, object.track_id, labels_);
    return {};
}

void Runner::keep_tensors(const Slot& slot, std::size_t item) {
    for (const memory::TensorView& output : slot.request_->outputs()) {
        if (output.type != memory::ElementType::kF32 || output.shape.empty()) continue;
        auto tensor = std::make_shared<meta::TensorData>();
        tensor->name = output.name;
        tensor->component_id = component_id_;
        tensor->object = slot.places_[item].object;
        tensor->shape.assign(output.shape.begin() + 1, output.shape.end());
        auto count = static_cast<std::size_t>(memory::element_count(tensor->shape));
        std::span<const float> values = output.floats().subspan(item * count, count);
        tensor->values.assign(values.begin(), values.end());
        slot.places_[item].frame->tensors.push_back(std::move(tensor));
    }
}

}  // namespace sluice::infer
