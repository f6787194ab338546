#include "sluice/osd/cuda/cuda_renderer.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sluice/memory/cuda/device.h"
#include "sluice/osd/cuda/kernels.h"
#include "sluice/osd/cuda/sheet_maker.h"

namespace sluice::osd::cuda {
namespace {

using memory::cuda::Buffer;
using memory::cuda::Stream;

constexpr std::size_t kLeastUploadBytes = 1U << 20;
constexpr std::size_t kAlignment = 256;
/// Wider ones have more columns of bins than are counted.
constexpr int kMostPx = 1 << 15;

std::size_t aligned(std::size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

template <class T>
std::size_t bytes_of(const std::vector<T>& values) {
    return values.size() * sizeof(T);
}

class CudaRenderer final : public Renderer {
public:
    CudaRenderer(int device, Shapes shapes, Stream stream)
        : device_(device), shapes_(std::move(shapes)), stream_(std::move(stream)) {}

    bool reaches(int device) const override { return device == device_; }
    Result<void> draw(const memory::MutableImageView& image,
                      std::span<const meta::Primitive> list) override;
    Result<void> flush() override;

private:
    Result<void> launch();
    Result<void> upload_masks();
    Result<SheetView> upload(const Sheet& sheet);
    Result<void> reserve(std::size_t bytes);

    int device_;
    Shapes shapes_;
    Atlas atlas_;
    SheetMaker maker_{atlas_};
    Stream stream_;
    Buffer masks_;  ///< what the atlas says
    Buffer host_;   ///< the sheet, to be uploaded at once
    Buffer sheet_;  ///< the same on the device
};

Result<void> CudaRenderer::draw(const memory::MutableImageView& image,
                                std::span<const meta::Primitive> list) {
    SLUICE_TRY(check_planes(image));
    if (image.device != device_) {
        return invalid_argument(fmt::format(
            "a picture of device {} for the renderer of cuda:{}", image.device, device_));
    }
    if (std::max(image.size.width, image.size.height) > kMostPx)
        return unsupported(fmt::format("pictures of more than {} pixels a side", kMostPx));
    // Bins of one launch are drawn in any order: a picture may only once be among them.
    if (maker_.has(image)) SLUICE_TRY(flush());
    maker_.begin(image);
    for (const meta::Primitive& shape : list) {
        if (maker_.full()) {
            SLUICE_TRY(flush());
            maker_.begin(image);
        }
        shapes_.draw(shape, image.size, maker_);
    }
    return {};
}

Result<void> CudaRenderer::flush() {
    auto launched = maker_.empty() ? Result<void>() : launch();
    maker_.clear();
    if (atlas_.full() || !launched) atlas_.clear();
    return launched;
}

Result<void> CudaRenderer::launch() {
    SLUICE_TRY(memory::cuda::use_device(device_));
    SLUICE_TRY(upload_masks());
    const Sheet& sheet = maker_.finish();
    const SheetView on_device = SLUICE_TRY(upload(sheet));
    for (const Step& step : sheet.steps)
        launch_step(step, on_device, stream_.get());
    auto launched = memory::cuda::check(cudaGetLastError(), "drawing on the frames");
    // The host's copy is written again, and others read the pixels.
    SLUICE_TRY(stream_.wait());
    return launched;
}

/// Rare once the letters are known, so the masks need no pinned memory.
Result<void> CudaRenderer::upload_masks() {
    std::span<const std::uint8_t> fresh = atlas_.fresh();
    if (fresh.empty()) return {};
    if (masks_.bytes() == 0)
        masks_ = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, Atlas::kCapacity));
    SLUICE_TRY(memory::cuda::check(cudaMemcpyAsync(masks_.data() + atlas_.fresh_offset(),
                                                   fresh.data(),
                                                   fresh.size(),
                                                   cudaMemcpyHostToDevice,
                                                   stream_.get()),
                                   "uploading letters"));
    atlas_.uploaded();
    return {};
}

/// All of the sheet in one copy.
Result<SheetView> CudaRenderer::upload(const Sheet& sheet) {
    SLUICE_TRY(reserve(aligned(bytes_of(sheet.targets)) + aligned(bytes_of(sheet.marks)) +
                       aligned(bytes_of(sheet.items)) + aligned(bytes_of(sheet.bins)) +
                       aligned(bytes_of(sheet.squares))));
    std::size_t at = 0;
    auto put = [&]<class T>(const std::vector<T>& values) {
        if (!values.empty()) std::memcpy(host_.data() + at, values.data(), bytes_of(values));
        auto* there = reinterpret_cast<const T*>(sheet_.data() + at);
        at += aligned(bytes_of(values));
        return there;
    };
    SheetView out{};
    out.targets = put(sheet.targets);
    out.marks = put(sheet.marks);
    out.items = put(sheet.items);
    out.bins = put(sheet.bins);
    out.squares = put(sheet.squares);
    out.masks = reinterpret_cast<const std::uint8_t*>(masks_.data());
    SLUICE_TRY(memory::cuda::check(
        cudaMemcpyAsync(sheet_.data(), host_.data(), at, cudaMemcpyHostToDevice, stream_.get()),
        "uploading what is to be drawn"));
    return out;
}

Result<void> CudaRenderer::reserve(std::size_t bytes) {
    if (bytes <= sheet_.bytes()) return {};
    bytes = std::max({bytes, 2 * sheet_.bytes(), kLeastUploadBytes});
    host_ = SLUICE_TRY(Buffer::create(Buffer::Kind::kPinnedHost, bytes));
    sheet_ = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, bytes));
    return {};
}

}  // namespace

Result<void> check_available() {
    return memory::cuda::check_device(0);
}

Result<std::unique_ptr<Renderer>> create_renderer(const OsdOptions& options, int device) {
    SLUICE_TRY(memory::cuda::use_device(device));
    auto shapes = SLUICE_TRY(Shapes::create(options));
    // Networks of later batches would keep the device from it for milliseconds.
    auto stream = SLUICE_TRY(Stream::create(Stream::Priority::kHigh));
    return std::unique_ptr<Renderer>(
        std::make_unique<CudaRenderer>(device, std::move(shapes), std::move(stream)));
}

}  // namespace sluice::osd::cuda
