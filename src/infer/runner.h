#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.h"
#include "sluice/image/preprocess.h"
#include "sluice/infer/classifier.h"
#include "sluice/infer/engine.h"
#include "sluice/infer/model_file.h"
#include "sluice/infer/object_cache.h"
#include "sluice/infer/postprocess.h"
#include "sluice/infer/secondary.h"
#include "sluice/meta/frame.h"

namespace sluice::infer {

struct RunnerOptions {
    std::string model;
    ModelFile file;
    EngineOptions engine;
    std::uint32_t component_id = 1;
    bool output_tensors = false;  ///< keep the raw outputs in the frame's metadata
};

/// What an item was made of: a whole frame, or one of its objects.
struct ItemPlace {
    meta::Frame* frame = nullptr;
    std::int32_t object = meta::kNoParent;  ///< index into the frame's objects
    meta::PixelBox box;                     ///< the object's
    meta::TrackId track = meta::kUntracked;
};
ItemPlace whole_frame(meta::Frame& frame);
ItemPlace object_of(meta::Frame& frame, std::size_t object);

/// A model ready to run on pictures. Two threads may use it at once, no more: one calls
/// make_slot(), add() and submit(), the other wait() and read().
class Runner {
public:
    /// One request under way and what it was made of. Frames stay where they are until read().
    class Slot {
    public:
        int size() const { return static_cast<int>(items_.size()); }

    private:
        friend class Runner;
        struct Item {
            image::Placement placement;
            BoxMap map;
        };
        std::unique_ptr<Request> request_;
        std::vector<ItemPlace> places_;
        std::vector<Item> items_;
    };

    static Result<std::unique_ptr<Runner>> create(const RunnerOptions& options);

    const ModelDescription& description() const { return description_; }
    const Engine& engine() const { return *engine_; }
    bool classifies() const { return classifier_.has_value(); }
    /// What the engine does itself. Where it takes the pixels, pictures may be in its device's
    /// memory.
    const TakenStages& taken() const { return taken_; }

    Result<Slot> make_slot() const;
    bool full(const Slot& slot) const { return slot.size() == engine_->batch_size(); }

    /// Pre-processes a frame, or one object of it, into the slot's next place. The slot is not
    /// full. Where the engine takes the pixels, the picture stays as it is until wait().
    Result<void> add(Slot& slot, const memory::ImageView& image, ItemPlace place);
    /// Starts a slot of at least one item.
    Result<void> submit(Slot& slot);
    /// Waits until the slot's results are there.
    Result<void> wait(Slot& slot) { return engine_->wait(*slot.request_); }
    /// After wait(): writes what was found into the frames and empties the slot. With a cache, the
    /// labels of tracked objects go there too.
    Result<void> read(Slot& slot, ObjectCache* cache);
    /// Empties a slot whose results nobody wants.
    void discard(Slot& slot) const;

private:
    Runner() = default;
    Result<image::Placement> put(Slot& slot,
                                 const memory::ImageView& image,
                                 const image::Rect& crop);
    Result<void> read_item(const Slot& slot, std::size_t item, ObjectCache* cache);
    Result<void> detect(const Slot& slot, std::size_t item);
    Result<void> classify(const ItemPlace& place,
                          std::size_t item,
                          const Slot& slot,
                          ObjectCache* cache);
    void keep_tensors(const Slot& slot, std::size_t item);

    std::unique_ptr<Model> model_;
    std::unique_ptr<Engine> engine_;
    ModelDescription description_;
    TakenStages taken_;
    std::uint32_t component_id_ = 0;
    bool output_tensors_ = false;
    std::optional<image::Preprocessor> preprocessor_;  ///< where the engine takes no pixels
    std::unique_ptr<Postprocessor> postprocessor_;
    std::optional<Classifier> classifier_;
    std::vector<meta::Detection> found_;  ///< scratch of read()
    std::vector<meta::Label> labels_;     ///< the same
};

/// The part of the source's picture that a box of the processing resolution covers.
image::Rect source_rect(const meta::Frame& frame, const meta::PixelBox& box);

}  // namespace sluice::infer
