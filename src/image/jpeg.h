#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/memory/image.h"

/// What has to be known of a JPEG before it is decoded (ITU-T T.81, annex B).
namespace sluice::image {

struct JpegHeader {
    memory::Size size;
    /// Of the frame's marker (0xC0: baseline, 0xC2: progressive), bits a sample and the components,
    /// each with how often it is sampled, horizontally in the high four bits.
    std::uint8_t coding = 0;
    int bits = 0;
    int components = 0;
    std::array<std::uint8_t, 4> sampling{};
    bool has_huffman_tables = false;
    std::size_t scan = 0;  ///< where the first scan's marker begins

    /// Colours are halved both ways, as in I420.
    bool is_420() const;
    /// A decoder that takes the one takes the other.
    bool is_like(const JpegHeader& other) const;
};

/// kCorrupt where it ends too early or is none.
Result<JpegHeader> read_jpeg_header(std::span<const std::uint8_t> jpeg);

/// The same picture with the Huffman tables that cameras and AVI files leave out as known to
/// everybody (annex K.3).
std::vector<std::uint8_t> with_huffman_tables(std::span<const std::uint8_t> jpeg,
                                              const JpegHeader& header);

/// A JPEG with the place for its pixels.
struct JpegPicture {
    std::span<const std::uint8_t> jpeg;
    bool is_420 = false;          ///< as its header says
    memory::MutableImageView to;  ///< kI420, of the header's size; left undefined on failure
};

}  // namespace sluice::image
