#include "sluice/image/jpeg.h"

#include <gtest/gtest.h>

namespace sluice::image {
namespace {

using Bytes = std::vector<std::uint8_t>;

const Bytes kStart{0xFF, 0xD8};
const Bytes kComment{0xFF, 0xFE, 0x00, 0x04, 'h', 'i'};
const Bytes kHuffman{0xFF, 0xC4, 0x00, 0x03, 0x00};
const Bytes kScan{0xFF, 0xDA, 0x00, 0x03, 0x03, 0x12, 0x34};

/// Three components, 1920 x 1080.
Bytes frame(std::uint8_t marker, std::uint8_t luma_sampling) {
    return {0xFF,
            marker,
            0x00,
            0x11,
            8,
            0x04,
            0x38,
            0x07,
            0x80,
            3,
            1,
            luma_sampling,
            0,
            2,
            0x11,
            1,
            3,
            0x11,
            1};
}

Bytes join(std::initializer_list<Bytes> parts) {
    Bytes whole;
    for (const Bytes& part : parts)
        whole.insert(whole.end(), part.begin(), part.end());
    return whole;
}

TEST(JpegHeader, SaysSizeCodingAndSampling) {
    const Bytes jpeg = join({kStart, kComment, kHuffman, frame(0xC0, 0x22), kScan});
    auto header = read_jpeg_header(jpeg);
    ASSERT_TRUE(header) << header.error().text();
    EXPECT_EQ(header->size, (memory::Size{1920, 1080}));
    EXPECT_EQ(header->coding, 0xC0);
    EXPECT_EQ(header->bits, 8);
    EXPECT_EQ(header->components, 3);
    EXPECT_TRUE(header->is_420());
    EXPECT_TRUE(header->has_huffman_tables);
    EXPECT_EQ(header->scan, jpeg.size() - kScan.size());
}

TEST(JpegHeader, OfOtherSamplingOrCodingIsAnotherKind) {
    auto halved = read_jpeg_header(join({kStart, frame(0xC0, 0x22), kScan}));
    auto wide = read_jpeg_header(join({kStart, frame(0xC0, 0x21), kScan}));
    auto progressive = read_jpeg_header(join({kStart, kHuffman, frame(0xC2, 0x22), kScan}));
    ASSERT_TRUE(halved && wide && progressive);
    EXPECT_FALSE(wide->is_420());
    EXPECT_TRUE(progressive->is_420());
    EXPECT_FALSE(halved->is_like(*wide));
    EXPECT_FALSE(halved->is_like(*progressive));
    EXPECT_TRUE(halved->is_like(*halved));
}

TEST(JpegHeader, MayHaveMarkersWithoutLengthAndMoreFFs) {
    const Bytes jpeg = join({kStart, {0xFF, 0x01, 0xFF, 0xFF}, frame(0xC0, 0x22), kScan});
    EXPECT_TRUE(read_jpeg_header(jpeg));
}

TEST(JpegHeader, IsCorruptWhereverItIsCut) {
    const Bytes jpeg = join({kStart, kComment, kHuffman, frame(0xC0, 0x22), kScan});
    const std::size_t header = jpeg.size() - kScan.size();
    for (std::size_t length = 0; length < header + 4; ++length) {
        auto read = read_jpeg_header(std::span(jpeg).first(length));
        ASSERT_FALSE(read) << length;
        EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    }
}

TEST(JpegHeader, IsCorruptWhereItMakesNoSense) {
    Bytes no_height = frame(0xC0, 0x22);
    no_height[5] = no_height[6] = 0;
    Bytes five_components = frame(0xC0, 0x22);
    five_components[9] = 5;
    Bytes too_many_components = frame(0xC0, 0x22);
    too_many_components[9] = 4;
    for (const Bytes& bytes : {Bytes{'G', 'I', 'F', '8', '9'},
                               join({kStart, {0x00, 0x00, 0x00, 0x00}}),
                               join({kStart, {0xFF, 0xD9, 0x00, 0x00}}),
                               join({kStart, {0xFF, 0xC4, 0x00, 0x01}, kScan}),
                               join({kStart, kScan}),
                               join({kStart, no_height, kScan}),
                               join({kStart, five_components, kScan}),
                               join({kStart, too_many_components, kScan})}) {
        EXPECT_FALSE(read_jpeg_header(bytes));
    }
}

TEST(JpegHeader, GetsTheTablesThatItLacks) {
    const Bytes jpeg = join({kStart, frame(0xC0, 0x22), kScan});
    auto header = read_jpeg_header(jpeg);
    ASSERT_TRUE(header);
    EXPECT_FALSE(header->has_huffman_tables);
    const Bytes whole = with_huffman_tables(jpeg, *header);
    auto again = read_jpeg_header(whole);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(again->has_huffman_tables);
    EXPECT_EQ(again->size, header->size);
    EXPECT_EQ(Bytes(whole.begin() + static_cast<std::ptrdiff_t>(again->scan), whole.end()), kScan);
}

}  // namespace
}  // namespace sluice::image
