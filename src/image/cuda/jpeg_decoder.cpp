#include "sluice/image/cuda/jpeg_decoder.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "sluice/image/cuda/nvjpeg_library.h"
#include "sluice/image/cuda/scale.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::image::cuda {
namespace {

using memory::cuda::Buffer;
using memory::cuda::Stream;

Result<void> check(nvjpegStatus_t status, const char* doing) {
    const std::string text = fmt::format("nvJPEG {} (status {})", doing, static_cast<int>(status));
    switch (status) {
        case NVJPEG_STATUS_SUCCESS:
            return {};
        case NVJPEG_STATUS_BAD_JPEG:
        case NVJPEG_STATUS_INCOMPLETE_BITSTREAM:
            return corrupt(text);
        case NVJPEG_STATUS_JPEG_NOT_SUPPORTED:
        case NVJPEG_STATUS_IMPLEMENTATION_NOT_SUPPORTED:
        case NVJPEG_STATUS_ARCH_MISMATCH:
            return unsupported(text);
        case NVJPEG_STATUS_ALLOCATOR_FAILURE:
            return Error{ErrorCode::kExhausted, text, {}};
        default:
            return internal_error(text);
    }
}

/// A handle of nvJPEG's and how it is given back.
template <class Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, nvjpegStatus_t (*)(Handle)>;

nvjpegImage_t planes_of(const memory::MutableImageView& picture) {
    nvjpegImage_t image{};
    for (std::size_t i = 0; i < picture.data.size(); ++i) {
        image.channel[i] = picture.data[i];
        image.pitch[i] = static_cast<std::size_t>(picture.stride[i]);
    }
    return image;
}

class NvJpegDecoder final : public JpegDecoder {
public:
    NvJpegDecoder(const NvJpeg& library, int device, Way way, nvjpegHandle_t handle, Stream stream)
        : library_(library),
          device_(device),
          way_(way),
          handle_(handle, library.destroy),
          state_(nullptr, library.state_destroy),
          stream_(std::move(stream)) {}

    Result<void> make_state() {
        nvjpegJpegState_t state = nullptr;
        SLUICE_TRY(check(library_.state_create(handle_.get(), &state), "cannot make its state"));
        state_.reset(state);
        return {};
    }

    std::size_t engines() const override {
        unsigned int engines = 0;
        unsigned int cores = 0;
        auto known = library_.hardware_info(handle_.get(), &engines, &cores);
        return known == NVJPEG_STATUS_SUCCESS ? std::max(1U, engines * cores) : 1;
    }

    bool takes(std::span<const std::uint8_t> jpeg) const override {
        if (way_ == Way::kKernels) return true;
        nvjpegJpegStream_t made = nullptr;
        if (library_.stream_create(handle_.get(), &made) != NVJPEG_STATUS_SUCCESS) return false;
        const Owned<nvjpegJpegStream_t> header(made, library_.stream_destroy);
        int answer = 1;  // 0 is yes
        return library_.stream_parse_header(handle_.get(), jpeg.data(), jpeg.size(), made) ==
                   NVJPEG_STATUS_SUCCESS &&
               library_.batched_supported(handle_.get(), made, &answer) == NVJPEG_STATUS_SUCCESS &&
               answer == 0;
    }

    Result<void> decode(std::span<const JpegPicture> pictures) override {
        if (pictures.empty()) return {};
        SLUICE_TRY(memory::cuda::use_device(device_));
        auto queued = queue(pictures);
        // Also after a failure the device may still be writing.
        SLUICE_TRY(stream_.wait());
        return queued;
    }

private:
    Result<void> queue(std::span<const JpegPicture> pictures) {
        images_.clear();
        if (pictures.front().is_420) {
            for (const JpegPicture& picture : pictures)
                images_.push_back(planes_of(picture.to));
            return queue_decoding(pictures, NVJPEG_OUTPUT_YUV);
        }
        SLUICE_TRY(make_rgb_images(pictures));
        SLUICE_TRY(queue_decoding(pictures, NVJPEG_OUTPUT_RGBI));
        return queue_halving(pictures);
    }

    Result<void> queue_decoding(std::span<const JpegPicture> pictures,
                                nvjpegOutputFormat_t format) {
        if (way_ == Way::kKernels) {
            for (std::size_t i = 0; i < pictures.size(); ++i) {
                SLUICE_TRY(check(library_.decode(handle_.get(),
                                                 state_.get(),
                                                 pictures[i].jpeg.data(),
                                                 pictures[i].jpeg.size(),
                                                 format,
                                                 &images_[i],
                                                 stream_.get()),
                                 "cannot decode this picture"));
            }
            return {};
        }
        SLUICE_TRY(prepare(pictures.size(), format));
        jpegs_.clear();
        lengths_.clear();
        for (const JpegPicture& picture : pictures) {
            jpegs_.push_back(picture.jpeg.data());
            lengths_.push_back(picture.jpeg.size());
        }
        auto queued = check(library_.decode_batched(handle_.get(),
                                                    state_.get(),
                                                    jpegs_.data(),
                                                    lengths_.data(),
                                                    images_.data(),
                                                    stream_.get()),
                            "cannot decode these pictures");
        if (!queued) prepared_ = 0;
        return queued;
    }

    /// For so many pictures; also what nvJPEG wants after a failure.
    Result<void> prepare(std::size_t count, nvjpegOutputFormat_t format) {
        if (prepared_ == count && prepared_format_ == format) return {};
        prepared_ = 0;
        constexpr int kThreads = 1;
        SLUICE_TRY(
            check(library_.batched_initialize(
                      handle_.get(), state_.get(), static_cast<int>(count), kThreads, format),
                  "cannot prepare a batch"));
        prepared_ = count;
        prepared_format_ = format;
        return {};
    }

    Result<void> make_rgb_images(std::span<const JpegPicture> pictures) {
        std::size_t bytes = 0;
        for (const JpegPicture& picture : pictures)
            bytes += bytes_of(picture.to.size);
        if (rgb_.bytes() < bytes) rgb_ = SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, bytes));
        auto* at = reinterpret_cast<unsigned char*>(rgb_.data());
        for (const JpegPicture& picture : pictures) {
            nvjpegImage_t image{};
            image.channel[0] = at;
            image.pitch[0] = static_cast<std::size_t>(picture.to.size.width) * 3;
            images_.push_back(image);
            at += bytes_of(picture.to.size);
        }
        return {};
    }

    Result<void> queue_halving(std::span<const JpegPicture> pictures) {
        for (std::size_t i = 0; i < pictures.size(); ++i) {
            const memory::MutableImageView& to = pictures[i].to;
            memory::ImageView from;
            from.format = memory::PixelFormat::kRgb;
            from.size = to.size;
            from.data[0] = images_[i].channel[0];
            from.stride[0] = static_cast<std::ptrdiff_t>(images_[i].pitch[0]);
            from.device = device_;
            const Rect all{
                0, 0, static_cast<float>(to.size.width), static_cast<float>(to.size.height)};
            scaler_.add(from, all, {0, 0, to.size.width, to.size.height});
            SLUICE_TRY(scaler_.run(to, stream_));
        }
        return {};
    }

    static std::size_t bytes_of(memory::Size size) {
        constexpr std::size_t kAlignment = 256;
        const std::size_t bytes =
            static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 3;
        return (bytes + kAlignment - 1) / kAlignment * kAlignment;
    }

    const NvJpeg& library_;
    const int device_;
    const Way way_;
    Owned<nvjpegHandle_t> handle_;
    Owned<nvjpegJpegState_t> state_;
    Stream stream_;
    BatchScaler scaler_;
    Buffer rgb_;
    std::size_t prepared_ = 0;
    nvjpegOutputFormat_t prepared_format_ = NVJPEG_OUTPUT_YUV;
    std::vector<nvjpegImage_t> images_;  // kept for their storage
    std::vector<const unsigned char*> jpegs_;
    std::vector<std::size_t> lengths_;
};

}  // namespace

Result<std::unique_ptr<JpegDecoder>> JpegDecoder::create(int device, Way way) {
    SLUICE_TRY(memory::cuda::use_device(device));
    const NvJpeg& library = *SLUICE_TRY(nvjpeg());
    const bool engine = way == Way::kEngine;
    nvjpegHandle_t handle = nullptr;
    auto made = check(library.create(engine ? NVJPEG_BACKEND_HARDWARE : NVJPEG_BACKEND_HYBRID,
                                     nullptr,
                                     nullptr,
                                     NVJPEG_FLAGS_DEFAULT,
                                     &handle),
                      engine ? "finds no engine for JPEG on this device" : "does not start");
    if (!made) return unsupported(made.error().text());
    auto stream = SLUICE_TRY(Stream::create(Stream::Priority::kHigh));
    auto decoder = std::make_unique<NvJpegDecoder>(library, device, way, handle, std::move(stream));
    SLUICE_TRY(decoder->make_state());
    return std::unique_ptr<JpegDecoder>(std::move(decoder));
}

}  // namespace sluice::image::cuda
