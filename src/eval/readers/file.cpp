#include "sluice/eval/detail/file.h"

#include <array>
#include <memory>

#include <fmt/format.h>
#include <zlib.h>

namespace sluice::eval::detail {
namespace {

using Handle = std::unique_ptr<gzFile_s, int (*)(gzFile)>;

unsigned byte_at(std::string_view bytes, std::size_t i) {
    return static_cast<unsigned char>(bytes[i]);
}
int big_endian_16(std::string_view bytes, std::size_t i) {
    return static_cast<int>(byte_at(bytes, i) << 8 | byte_at(bytes, i + 1));
}

bool is_frame_header(unsigned marker) {
    bool in_range = marker >= 0xC0 && marker <= 0xCF;
    return in_range && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Walks the segments (ITU T.81, annex B) to the frame header.
PictureSize jpeg_size(std::string_view bytes) {
    for (std::size_t i = 2; i + 9 <= bytes.size();) {
        if (byte_at(bytes, i) != 0xFF) return {};
        unsigned marker = byte_at(bytes, i + 1);
        if (marker == 0xFF) {  // fill
            ++i;
            continue;
        }
        if (is_frame_header(marker))
            return {big_endian_16(bytes, i + 7), big_endian_16(bytes, i + 5)};
        i += 2 + static_cast<std::size_t>(big_endian_16(bytes, i + 2));
    }
    return {};
}

PictureSize png_size(std::string_view bytes) {
    constexpr std::size_t kWidthAt = 16;
    if (bytes.size() < kWidthAt + 8) return {};
    auto value = [&](std::size_t i) {
        return big_endian_16(bytes, i) << 16 | big_endian_16(bytes, i + 2);
    };
    return {value(kWidthAt), value(kWidthAt + 4)};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
    Handle file(gzopen(path.c_str(), "rb"), &gzclose);
    if (!file) return not_found("no such file, or it may not be read", path);
    std::string text;
    std::array<char, 1 << 16> block;
    for (;;) {
        int got = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
        if (got < 0) {
            int code = Z_OK;
            return corrupt(fmt::format("cannot be read: {}", gzerror(file.get(), &code)), path);
        }
        if (got == 0) break;
        text.append(block.data(), static_cast<std::size_t>(got));
    }
    // A gzip file that was cut reads to its end without a word; closing tells.
    if (gzclose_r(file.release()) == Z_BUF_ERROR) return corrupt("the file was cut short", path);
    return text;
}

std::string place(const std::string& file, std::size_t line) {
    return fmt::format("{}:{}", file, line);
}

std::string_view stem(std::string_view path) {
    if (auto slash = path.find_last_of('/'); slash != std::string_view::npos) {
        path.remove_prefix(slash + 1);
    }
    return path.substr(0, path.find('.', 1));
}

Result<PictureSize> picture_size(const std::string& path) {
    auto content = read_file(path);
    if (!content) return std::move(content).error();
    std::string_view bytes = *content;
    PictureSize size;
    if (bytes.starts_with("\xFF\xD8")) {
        size = jpeg_size(bytes);
    } else if (bytes.starts_with("\x89PNG\r\n")) {
        size = png_size(bytes);
    } else {
        return unsupported("neither a JPEG nor a PNG", path);
    }
    if (size.width <= 0 || size.height <= 0) return corrupt("its header gives no size", path);
    return size;
}

}  // namespace sluice::eval::detail
