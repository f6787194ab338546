#include "sluice/infer/secondary.h"

#include <algorithm>

namespace sluice::infer {
namespace {

bool contains(const std::vector<int>& list, meta::ClassId id) {
    return std::find(list.begin(), list.end(), id.value) != list.end();
}

bool in_limits(float extent, int least, int most) {
    return extent >= static_cast<float>(least) && (most == 0 || extent <= static_cast<float>(most));
}

bool has_labels_of(const meta::Object& object, std::uint32_t component_id) {
    return std::any_of(object.labels.begin(), object.labels.end(), [&](const meta::Label& label) {
        return label.component_id == component_id;
    });
}

}  // namespace

bool accepts(const SecondaryOptions& options, const meta::Object& object) {
    if (options.operate_on_gie_id >= 0 &&
        object.component_id != static_cast<std::uint32_t>(options.operate_on_gie_id)) {
        return false;
    }
    if (!options.operate_on_class_ids.empty() &&
        !contains(options.operate_on_class_ids, object.class_id)) {
        return false;
    }
    if (contains(options.filter_out_class_ids, object.class_id)) return false;
    // An object without extent has no pixels to look at, whatever the limits.
    return object.box.width > 0 && object.box.height > 0 &&
           in_limits(
               object.box.width, options.input_object_min_width, options.input_object_max_width) &&
           in_limits(
               object.box.height, options.input_object_min_height, options.input_object_max_height);
}

void select_crops(const SecondaryOptions& options,
                  std::span<const meta::Frame> frames,
                  ObjectCache* cache,
                  std::vector<Crop>& crops) {
    crops.clear();
    for (std::size_t f = 0; f < frames.size(); ++f) {
        const meta::Frame& frame = frames[f];
        for (std::size_t o = 0; o < frame.objects.size(); ++o) {
            const meta::Object& object = frame.objects[o];
            if (!accepts(options, object)) continue;
            ObjectCache::Sight sight{
                frame.source, object.track_id, frame.sequence, object.box.area()};
            if (cache && !cache->ask(sight, options.secondary_reinfer_interval)) continue;
            crops.push_back({f, o});
        }
    }
}

void attach_cached(const SecondaryOptions& options,
                   const ObjectCache& cache,
                   std::uint32_t component_id,
                   meta::Frame& frame) {
    for (meta::Object& object : frame.objects) {
        if (!object.tracked() || !accepts(options, object)) continue;
        if (has_labels_of(object, component_id)) continue;
        const std::vector<meta::Label>* labels = cache.find(frame.source, object.track_id);
        if (labels) object.labels.insert(object.labels.end(), labels->begin(), labels->end());
    }
}

}  // namespace sluice::infer
