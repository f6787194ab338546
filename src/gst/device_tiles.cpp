#include "sluice/gst/device_tiles.h"

#include <utility>

#include "sluice/image/cuda/scale.h"
#include "sluice/memory/cuda/copy.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::gst {
namespace {

class CudaTiles final : public DeviceTiles {
public:
    CudaTiles(int device, memory::cuda::Stream stream)
        : device_(device), stream_(std::move(stream)) {}

    void add(const memory::ImageView& frame, const image::PixelRect& where) override {
        image::Rect all{
            0, 0, static_cast<float>(frame.size.width), static_cast<float>(frame.size.height)};
        scaler_.add(frame, all, where);
    }

    Result<void> draw(const memory::ImageView* ground,
                      const memory::MutableImageView& picture) override {
        SLUICE_TRY(memory::cuda::use_device(device_));
        if (ground) {
            SLUICE_TRY(memory::cuda::copy_picture(*ground, picture));
        } else {
            SLUICE_TRY(image::cuda::fill(picture, {0, 0, 0}, stream_));
        }
        auto queued = scaler_.run(picture, stream_);
        SLUICE_TRY(stream_.wait());
        return queued;
    }

private:
    int device_;
    memory::cuda::Stream stream_;
    image::cuda::BatchScaler scaler_;
};

}  // namespace

Result<std::unique_ptr<DeviceTiles>> DeviceTiles::create(int device) {
    SLUICE_TRY(memory::cuda::use_device(device));
    auto stream = SLUICE_TRY(memory::cuda::Stream::create(memory::cuda::Stream::Priority::kHigh));
    return std::unique_ptr<DeviceTiles>(std::make_unique<CudaTiles>(device, std::move(stream)));
}

}  // namespace sluice::gst
