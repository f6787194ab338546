// Demuxers end a file that was cut off like a whole one; its head knows better.
#include "sluice/app/detail/file_length.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

namespace sluice::app::detail {
namespace {

using Head = std::array<unsigned char, 16>;

std::optional<Head> read_at(std::ifstream& file, std::uint64_t at) {
    Head head{};
    file.clear();
    file.seekg(static_cast<std::streamoff>(at));
    file.read(reinterpret_cast<char*>(head.data()), head.size());
    return file.gcount() >= 8 ? std::optional(head) : std::nullopt;
}

std::uint64_t big_endian(const unsigned char* bytes, int count) {
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i)
        value = value << 8 | bytes[i];
    return value;
}

bool is(const unsigned char* bytes, std::string_view tag) {
    return std::string_view(reinterpret_cast<const char*>(bytes), tag.size()) == tag;
}

std::uint64_t riff_length(const Head& head) {
    return 8 + (std::uint64_t{head[4]} | std::uint64_t{head[5]} << 8 |
                std::uint64_t{head[6]} << 16 | std::uint64_t{head[7]} << 24);
}

/// Where the last of the boxes that begin in the file ends (ISO/IEC 14496-12, 4.2).
std::uint64_t boxes_length(std::ifstream& file, std::uint64_t size) {
    std::uint64_t at = 0;
    while (at + 8 <= size) {
        auto head = read_at(file, at);
        if (!head) break;
        std::uint64_t length = big_endian(head->data(), 4);
        if (length == 1) length = big_endian(head->data() + 8, 8);
        if (length < 8 || length > UINT64_MAX - at) return size;  // 0: up to the end
        at += length;
    }
    return at;
}

struct Number {
    std::uint64_t value;
    int bytes;
};

/// EBML's number of variable length (RFC 8794, section 4); all ones mean that it is not known.
std::optional<Number> ebml_number(const unsigned char* bytes) {
    int length = 1;
    while (length <= 8 && !(bytes[0] & (0x80 >> (length - 1))))
        ++length;
    if (length > 8) return std::nullopt;
    std::uint64_t mask = (std::uint64_t{1} << (7 * length)) - 1;
    std::uint64_t value = big_endian(bytes, length) & mask;
    if (value == mask) return std::nullopt;
    return Number{value, length};
}

/// The EBML head, then one segment that holds all else.
std::uint64_t matroska_length(std::ifstream& file, const Head& head, std::uint64_t size) {
    auto first = ebml_number(head.data() + 4);
    if (!first || first->value > size) return size;
    std::uint64_t at = 4 + static_cast<std::uint64_t>(first->bytes) + first->value;
    auto segment = read_at(file, at);
    if (!segment || !is(segment->data(), "\x18\x53\x80\x67")) return size;
    auto length = ebml_number(segment->data() + 4);
    if (!length) return size;
    return at + 4 + static_cast<std::uint64_t>(length->bytes) + length->value;
}

}  // namespace

std::uint64_t missing_bytes(const std::string& path) {
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed)) return 0;
    std::uint64_t size = std::filesystem::file_size(path, failed);
    std::ifstream file(path, std::ios::binary);
    auto head = read_at(file, 0);
    if (failed || !head) return 0;
    std::uint64_t declared = size;
    if (is(head->data(), "RIFF")) declared = riff_length(*head);
    if (is(head->data() + 4, "ftyp")) declared = boxes_length(file, size);
    if (is(head->data(), "\x1A\x45\xDF\xA3")) declared = matroska_length(file, *head, size);
    return declared > size ? declared - size : 0;
}

}  // namespace sluice::app::detail
