#include "sluice/infer/secondary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::infer {
namespace {

meta::Object object(int class_id, float width, float height, std::uint64_t track) {
    meta::Object made;
    made.box = {0, 0, width, height};
    made.class_id = meta::ClassId{class_id};
    made.component_id = 1;
    made.track_id = meta::TrackId{track};
    return made;
}

meta::Frame frame(std::uint32_t source, std::uint64_t sequence, std::vector<meta::Object> objects) {
    meta::Frame made;
    made.source = meta::SourceId{source};
    made.sequence = sequence;
    made.objects = std::move(objects);
    return made;
}

std::vector<std::pair<std::size_t, std::size_t>> crops_of(const SecondaryOptions& options,
                                                          std::span<const meta::Frame> frames,
                                                          ObjectCache* cache) {
    std::vector<Crop> crops;
    select_crops(options, frames, cache, crops);
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (Crop crop : crops)
        pairs.emplace_back(crop.frame, crop.object);
    return pairs;
}

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(Secondary, TakesEveryObjectByDefault) {
    EXPECT_TRUE(accepts({}, object(7, 10, 10, 1)));
}

TEST(Secondary, TakesOnlyTheObjectsOfTheNamedInference) {
    SecondaryOptions options;
    options.operate_on_gie_id = 2;
    EXPECT_FALSE(accepts(options, object(0, 10, 10, 1)));
    options.operate_on_gie_id = 1;
    EXPECT_TRUE(accepts(options, object(0, 10, 10, 1)));
}

TEST(Secondary, TakesOnlyTheClassesAskedFor) {
    SecondaryOptions options;
    options.operate_on_class_ids = {2, 5};
    EXPECT_TRUE(accepts(options, object(5, 10, 10, 1)));
    EXPECT_FALSE(accepts(options, object(0, 10, 10, 1)));
}

TEST(Secondary, NeverTakesAFilteredClass) {
    SecondaryOptions options;
    options.operate_on_class_ids = {2};
    options.filter_out_class_ids = {2};
    EXPECT_FALSE(accepts(options, object(2, 10, 10, 1)));
}

TEST(Secondary, KeepsToTheSizeLimits) {
    SecondaryOptions options;
    options.input_object_min_width = 16;
    options.input_object_max_height = 64;
    EXPECT_TRUE(accepts(options, object(0, 16, 64, 1)));
    EXPECT_FALSE(accepts(options, object(0, 15, 64, 1)));
    EXPECT_FALSE(accepts(options, object(0, 16, 65, 1)));
    options = {};
    options.input_object_min_height = 16;
    options.input_object_max_width = 64;
    EXPECT_FALSE(accepts(options, object(0, 64, 15, 1)));
    EXPECT_FALSE(accepts(options, object(0, 65, 16, 1)));
}

TEST(Secondary, PassesOverAnObjectWithoutExtent) {
    EXPECT_FALSE(accepts({}, object(0, 0, 10, 1)));
}

TEST(Secondary, GathersCropsAcrossFramesAndSources) {
    std::vector<meta::Frame> frames{frame(0, 0, {object(0, 9, 9, 1), object(0, 9, 9, 2)}),
                                    frame(1, 0, {}),
                                    frame(2, 0, {object(0, 9, 9, 1)})};
    ObjectCache cache;
    EXPECT_THAT(crops_of({}, frames, &cache), ElementsAre(Pair(0, 0), Pair(0, 1), Pair(2, 0)));
}

TEST(Secondary, TakesATrackOnceThoughTwoFramesOfTheBatchShowIt) {
    std::vector<meta::Frame> frames{frame(0, 0, {object(0, 9, 9, 1)}),
                                    frame(0, 1, {object(0, 9, 9, 1)})};
    ObjectCache cache;
    EXPECT_THAT(crops_of({}, frames, &cache), ElementsAre(Pair(0, 0)));
}

TEST(Secondary, TakesEveryObjectEveryTimeWithoutACache) {
    std::vector<meta::Frame> frames{frame(0, 0, {object(0, 9, 9, 1)})};
    crops_of({}, frames, nullptr);
    EXPECT_THAT(crops_of({}, frames, nullptr), ElementsAre(Pair(0, 0)));
}

TEST(Secondary, AttachesTheKnownLabelsOfTrackedObjectsOnce) {
    std::vector<meta::Frame> frames{frame(0, 0, {object(0, 9, 9, 1)})};
    ObjectCache cache;
    crops_of({}, frames, &cache);
    meta::Label label;
    label.value = Name("red");
    label.component_id = 5;
    cache.store(meta::SourceId{0}, meta::TrackId{1}, {label});

    meta::Frame later = frame(0, 1, {object(0, 9, 9, 1), object(0, 9, 9, 2)});
    std::span<const meta::Frame> only_later(&later, 1);
    EXPECT_THAT(crops_of({}, only_later, &cache), ElementsAre(Pair(0, 1)));
    attach_cached({}, cache, 5, later);
    attach_cached({}, cache, 5, later);
    ASSERT_EQ(later.objects[0].labels.size(), 1u);
    EXPECT_EQ(later.objects[0].labels[0].value.view(), "red");
    EXPECT_THAT(later.objects[1].labels, IsEmpty());
}

TEST(Secondary, ReadsItsOptionsByDeepstreamsNames) {
    SecondaryOptions options;
    ASSERT_TRUE(set_field(options, "operate-on-class-ids", "0;2"));
    EXPECT_THAT(options.operate_on_class_ids, ElementsAre(0, 2));
    EXPECT_FALSE(set_field(options, "secondary-reinfer-interval", "0"));
}

}  // namespace
}  // namespace sluice::infer
