#include "sluice/osd/tile_layout.h"

#include <gtest/gtest.h>

namespace sluice::osd {
namespace {

TileLayout layout_of(int tiles, int rows, int columns, memory::Size size = {1920, 1080}) {
    return std::move(TileLayout::create(tiles, rows, columns, size)).value();
}

TEST(TileLayout, IsNearSquareWhenNotTold) {
    const int expected[][3] = {
        {1, 1, 1}, {2, 1, 2}, {3, 2, 2}, {4, 2, 2}, {5, 2, 3}, {7, 3, 3}, {16, 4, 4}, {64, 8, 8}};
    for (const auto& [tiles, rows, columns] : expected) {
        TileLayout layout = layout_of(tiles, 0, 0);
        EXPECT_EQ(layout.rows(), rows) << tiles;
        EXPECT_EQ(layout.columns(), columns) << tiles;
    }
}

TEST(TileLayout, FindsTheSideThatIsMissing) {
    EXPECT_EQ(layout_of(7, 2, 0).columns(), 4);
    EXPECT_EQ(layout_of(7, 0, 1).rows(), 7);
}

TEST(TileLayout, TilesAreEvenAndCoverThePictureOnce) {
    for (memory::Size size : {memory::Size{1920, 1080}, {1280, 722}, {640, 360}}) {
        TileLayout layout = layout_of(7, 3, 3, size);
        long area = 0;
        for (int i = 0; i < 9; ++i) {
            TileRect tile = layout.tile(i);
            EXPECT_EQ((tile.left | tile.top | tile.width | tile.height) & 1, 0);
            EXPECT_LE(tile.left + tile.width, size.width);
            EXPECT_LE(tile.top + tile.height, size.height);
            if (i % 3 > 0) {
                EXPECT_EQ(tile.left, layout.tile(i - 1).left + layout.tile(i - 1).width);
            }
            area += long{tile.width} * tile.height;
        }
        EXPECT_EQ(area, long{size.width} * size.height);
    }
}

TEST(TileLayout, HasNoTilesOutsideTheGrid) {
    TileLayout layout = layout_of(4, 2, 2);
    EXPECT_EQ(layout.tile(-1), TileRect{});
    EXPECT_EQ(layout.tile(4), TileRect{});
    EXPECT_EQ(layout.tile(3), (TileRect{960, 540, 960, 540}));
}

TEST(TileLayout, RefusesWhatIsNoGrid) {
    auto refused = [](int tiles, int rows, int columns, memory::Size size) {
        auto made = TileLayout::create(tiles, rows, columns, size);
        return !made && made.error().code == ErrorCode::kInvalidArgument;
    };
    EXPECT_TRUE(refused(0, 1, 1, {640, 480}));
    EXPECT_TRUE(refused(4, -1, 2, {640, 480}));
    EXPECT_TRUE(refused(5, 2, 2, {640, 480}));
    EXPECT_TRUE(refused(4, 2, 2, {3, 480}));
    EXPECT_TRUE(refused(4, 2, 2, {0, 0}));
}

TEST(Letterbox, KeepsTheShapeInTheMiddle) {
    EXPECT_EQ(letterbox({960, 540, 960, 540}, {768, 576}), (TileRect{1080, 540, 720, 540}));
    EXPECT_EQ(letterbox({0, 0, 640, 640}, {1920, 1080}), (TileRect{0, 140, 640, 360}));
}

TEST(Letterbox, FillsTheTileWhereShapesAgree) {
    TileRect tile{0, 0, 960, 540};
    EXPECT_EQ(letterbox(tile, {1920, 1080}), tile);
    EXPECT_EQ(letterbox(tile, {1919, 1080}), tile);
    EXPECT_EQ(letterbox(tile, {0, 0}), tile);
}

TEST(Letterbox, StaysInsideAndVisibleForExtremeShapes) {
    for (memory::Size source : {memory::Size{10000, 1}, {1, 10000}, {3, 2}}) {
        TileRect place = letterbox({100, 200, 320, 180}, source);
        EXPECT_GE(place.left, 100);
        EXPECT_GE(place.top, 200);
        EXPECT_LE(place.left + place.width, 420);
        EXPECT_LE(place.top + place.height, 380);
        EXPECT_GE(place.width, 2);
        EXPECT_GE(place.height, 2);
    }
}

meta::Frame frame() {
    meta::Frame out;
    out.size = {1920, 1080};
    meta::Object object;
    object.box = {-100, 540, 1060, 2000};
    object.detector_box = {960, 540, 192, 108};
    out.objects.push_back(object);
    out.display.emplace_back(meta::Rectangle{{192, 108, 96, 54}, {}, 2});
    out.display.emplace_back(meta::Line{{{0, 0}, {1920, 1080}}, {}, 2, false});
    out.display.emplace_back(meta::Text{"x", {960, 540}, {}, {}, 0});
    out.display.emplace_back(meta::Blur{{0, 0, 1920, 1080}});
    return out;
}

TEST(MoveToTile, MapsBoxesAndCutsThoseDrawnAtTheTilesEdges) {
    meta::Frame moved = frame();
    move_to_tile(moved, {960, 0, 960, 540}, {1920, 1080});
    EXPECT_EQ(moved.size, (memory::Size{1920, 1080}));
    EXPECT_EQ(moved.content, (meta::PixelBox{960, 0, 960, 540}));
    EXPECT_EQ(moved.objects[0].box, (meta::PixelBox{960, 270, 480, 270}));
    EXPECT_EQ(moved.objects[0].detector_box, (meta::PixelBox{1440, 270, 96, 54}));
    EXPECT_EQ(moved.objects[0].tracker_box, meta::PixelBox{});
}

TEST(MoveToTile, MapsTheUsersShapes) {
    meta::Frame moved = frame();
    move_to_tile(moved, {960, 0, 960, 540}, {1920, 1080});
    EXPECT_EQ(std::get<meta::Rectangle>(moved.display[0]).box, (meta::PixelBox{1056, 54, 48, 27}));
    EXPECT_FLOAT_EQ(std::get<meta::Line>(moved.display[1]).points[1].x, 1920);
    EXPECT_FLOAT_EQ(std::get<meta::Text>(moved.display[2]).at.y, 270);
    EXPECT_EQ(std::get<meta::Blur>(moved.display[3]).box, (meta::PixelBox{960, 0, 960, 540}));
}

TEST(Append, KeepsParentsRight) {
    meta::Frame tiled = frame();
    meta::Frame other = frame();
    other.objects.push_back(other.objects[0]);
    other.objects[1].parent = 0;
    append(tiled, other);
    ASSERT_EQ(tiled.objects.size(), 3U);
    EXPECT_EQ(tiled.objects[1].parent, meta::kNoParent);
    EXPECT_EQ(tiled.objects[2].parent, 1);
    EXPECT_EQ(tiled.display.size(), 8U);
}

}  // namespace
}  // namespace sluice::osd
