#include "sluice/app/detail/skip_frames.h"

#include <vector>

#include <gtest/gtest.h>

namespace sluice::app::detail {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(SkipFrames, KnowsH264SlicesThatNothingRefersTo) {
    Packing start_codes{Codec::kH264, 0};
    EXPECT_TRUE(is_non_reference(Bytes{0, 0, 0, 1, 0x09, 0x10, 0, 0, 1, 0x01, 0xAA}, start_codes));
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 0, 1, 0x09, 0x10, 0, 0, 1, 0x41, 0xAA}, start_codes));
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 1, 0x65, 0xAA}, start_codes));
}
TEST(SkipFrames, ReadsUnitsWithTheirLengthBefore) {
    Packing lengths{Codec::kH264, 4};
    EXPECT_TRUE(is_non_reference(Bytes{0, 0, 0, 2, 0x06, 0x05, 0, 0, 0, 2, 0x01, 0xAA}, lengths));
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 0, 2, 0x06, 0x05, 0, 0, 0, 2, 0x21, 0xAA}, lengths));
}
TEST(SkipFrames, KnowsH265SubLayerNonReferencePictures) {
    EXPECT_TRUE(is_non_reference(Bytes{0, 0, 1, 0 << 1, 1}, {Codec::kH265, 0}));
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 1, 1 << 1, 1}, {Codec::kH265, 0}));
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 1, 19 << 1, 1}, {Codec::kH265, 0}));
}
TEST(SkipFrames, KnowsBPicturesOfMpeg) {
    EXPECT_TRUE(is_non_reference(Bytes{0, 0, 1, 0xB6, 0x80}, {Codec::kMpeg4, 0}));
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 1, 0xB6, 0x40}, {Codec::kMpeg4, 0}));
    EXPECT_TRUE(is_non_reference(Bytes{0, 0, 1, 0x00, 0, 3 << 3}, {Codec::kMpeg2, 0}));
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 1, 0x00, 0, 2 << 3}, {Codec::kMpeg2, 0}));
}
TEST(SkipFrames, KeepsWhatItDoesNotUnderstand) {
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 1, 0x01}, {Codec::kOther, 0}));
    EXPECT_FALSE(is_non_reference(Bytes{}, {Codec::kH264, 0}));
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 1}, {Codec::kH264, 0}));
    EXPECT_FALSE(is_non_reference(Bytes{0xFF, 0xFF, 0xFF, 0xFF, 0x06}, {Codec::kH264, 4}));
    EXPECT_FALSE(is_non_reference(Bytes{0, 0, 0}, {Codec::kH264, 4}));
}

}  // namespace
}  // namespace sluice::app::detail
