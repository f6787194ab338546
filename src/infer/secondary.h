#pragma once

#include <limits>
#include <span>
#include <vector>

#include "sluice/base/fields.h"
#include "sluice/infer/object_cache.h"
#include "sluice/meta/frame.h"

namespace sluice::infer {

/// Which objects a second model looks at (process-mode=2), in DeepStream's words.
struct SecondaryOptions {
    int operate_on_gie_id = -1;
    std::vector<int> operate_on_class_ids;
    std::vector<int> filter_out_class_ids;
    int input_object_min_width = 0;
    int input_object_min_height = 0;
    int input_object_max_width = 0;
    int input_object_max_height = 0;
    int secondary_reinfer_interval = std::numeric_limits<int>::max();
};

/// One object to cut out: indices into the batch's frames and that frame's objects.
struct Crop {
    std::size_t frame = 0;
    std::size_t object = 0;
};

/// Do class, finder and size let the object through? Says nothing of the cache.
bool accepts(const SecondaryOptions& options, const meta::Object& object);

/// Fills `crops` with the objects to infer now, in frame order over all frames and sources, so that
/// the caller cuts them into batches of any size. With a cache (classifiers), tracked objects whose
/// result is known or under way are left out; without (detectors), none is.
void select_crops(const SecondaryOptions& options,
                  std::span<const meta::Frame> frames,
                  ObjectCache* cache,
                  std::vector<Crop>& crops);

/// For frames that leave, in order: adds the cached labels of tracked, accepted objects that have
/// none of this component yet.
void attach_cached(const SecondaryOptions& options,
                   const ObjectCache& cache,
                   std::uint32_t component_id,
                   meta::Frame& frame);

}  // namespace sluice::infer

namespace sluice {

template <>
inline constexpr auto fields<infer::SecondaryOptions> =
    field_table(field("operate-on-gie-id",
                      &infer::SecondaryOptions::operate_on_gie_id,
                      "unique-id of the inference whose objects are taken; -1: of any"),
                field("operate-on-class-ids",
                      &infer::SecondaryOptions::operate_on_class_ids,
                      "classes that are taken; none given: all"),
                field("filter-out-class-ids",
                      &infer::SecondaryOptions::filter_out_class_ids,
                      "classes that are never taken"),
                field("input-object-min-width",
                      &infer::SecondaryOptions::input_object_min_width,
                      range(0, 1 << 20),
                      "narrower objects are passed over, pixels"),
                field("input-object-min-height",
                      &infer::SecondaryOptions::input_object_min_height,
                      range(0, 1 << 20),
                      "lower objects are passed over, pixels"),
                field("input-object-max-width",
                      &infer::SecondaryOptions::input_object_max_width,
                      range(0, 1 << 20),
                      "wider objects are passed over, pixels; 0: no limit"),
                field("input-object-max-height",
                      &infer::SecondaryOptions::input_object_max_height,
                      range(0, 1 << 20),
                      "higher objects are passed over, pixels; 0: no limit"),
                field("secondary-reinfer-interval",
                      &infer::SecondaryOptions::secondary_reinfer_interval,
                      range(1, std::numeric_limits<int>::max()),
                      "frames after which a tracked object is looked at again",
                      Tunable::kYes));

}  // namespace sluice
