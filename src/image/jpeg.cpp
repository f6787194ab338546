#include "sluice/image/jpeg.h"

#include <algorithm>

#include "sluice/image/detail/huffman_tables.h"

namespace sluice::image {
namespace {

constexpr std::uint8_t kStart = 0xD8;
constexpr std::uint8_t kEnd = 0xD9;
constexpr std::uint8_t kScan = 0xDA;
constexpr std::uint8_t kHuffman = 0xC4;

/// SOF0 to SOF15, less DHT, JPG and DAC, which lie among them.
bool is_frame(std::uint8_t marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != kHuffman && marker != 0xC8 &&
           marker != 0xCC;
}
/// Restarts and TEM have no length behind them.
bool stands_alone(std::uint8_t marker) {
    return (marker >= 0xD0 && marker <= kStart) || marker == 0x01;
}

Error too_short() {
    return corrupt("this JPEG ends within its header");
}

int number_at(std::span<const std::uint8_t> bytes, std::size_t at) {
    return bytes[at] << 8 | bytes[at + 1];
}

Result<void> read_frame(std::span<const std::uint8_t> segment, JpegHeader& header) {
    if (segment.size() < 6) return too_short();
    header.bits = segment[0];
    header.size = {number_at(segment, 3), number_at(segment, 1)};
    header.components = segment[5];
    const auto count = static_cast<std::size_t>(header.components);
    if (count == 0 || count > header.sampling.size()) {
        return corrupt("this JPEG has no component, or more than four");
    }
    if (segment.size() < 6 + 3 * count) return too_short();
    for (std::size_t i = 0; i < count; ++i)
        header.sampling[i] = segment[6 + 3 * i + 1];
    return {};
}

}  // namespace

bool JpegHeader::is_420() const {
    return components == 3 && sampling[0] == 0x22 && sampling[1] == 0x11 && sampling[2] == 0x11;
}

bool JpegHeader::is_like(const JpegHeader& other) const {
    return size == other.size && coding == other.coding && bits == other.bits &&
           components == other.components && sampling == other.sampling;
}

Result<JpegHeader> read_jpeg_header(std::span<const std::uint8_t> jpeg) {
    if (jpeg.size() < 2 || jpeg[0] != 0xFF || jpeg[1] != kStart) {
        return corrupt("this is no JPEG: it does not begin with FF D8");
    }
    JpegHeader header;
    for (std::size_t at = 2; at + 4 <= jpeg.size();) {
        if (jpeg[at] != 0xFF) return corrupt("no marker is where this JPEG's next one should be");
        const std::uint8_t marker = jpeg[at + 1];
        if (marker == 0xFF) {  // any number of them may stand before a marker
            ++at;
            continue;
        }
        if (stands_alone(marker)) {
            at += 2;
            continue;
        }
        if (marker == kEnd) break;
        if (marker == kScan) {
            if (header.size.width == 0 || header.size.height == 0) {
                return corrupt("this JPEG does not say its size");
            }
            header.scan = at;
            return header;
        }
        const auto length = static_cast<std::size_t>(number_at(jpeg, at + 2));
        if (length < 2 || length > jpeg.size() - at - 2) return too_short();
        if (marker == kHuffman) header.has_huffman_tables = true;
        if (is_frame(marker)) {
            header.coding = marker;
            SLUICE_TRY(read_frame(jpeg.subspan(at + 4, length - 2), header));
        }
        at += 2 + length;
    }
    return too_short();
}

std::vector<std::uint8_t> with_huffman_tables(std::span<const std::uint8_t> jpeg,
                                              const JpegHeader& header) {
    const std::span<const std::uint8_t> tables(detail::kHuffmanTables);
    std::vector<std::uint8_t> whole(jpeg.size() + tables.size());
    auto at = std::copy_n(jpeg.begin(), header.scan, whole.begin());
    at = std::copy(tables.begin(), tables.end(), at);
    std::copy(jpeg.begin() + static_cast<std::ptrdiff_t>(header.scan), jpeg.end(), at);
    return whole;
}

}  // namespace sluice::image
