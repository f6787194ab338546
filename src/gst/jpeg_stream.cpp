#include "sluice/gst/jpeg_stream.h"

#include <map>
#include <utility>
#include <vector>

#include "sluice/base/mutex.h"
#include "sluice/gst/jpeg_queue.h"
#include "sluice/image/cuda/jpeg_decoder.h"

namespace sluice::gst {
namespace {

using image::cuda::JpegDecoder;

/// Of a device, for as long as a stream has it.
struct Engine {
    explicit Engine(std::unique_ptr<JpegDecoder> made)
        : decoder(std::move(made)),
          queue([this](auto pictures) { return decoder->decode(pictures); },
                {.engines = decoder->engines()}) {}

    const std::unique_ptr<JpegDecoder> decoder;
    JpegQueue queue;
};

Result<std::shared_ptr<Engine>> engine_of(int device) {
    static Mutex mutex;
    static std::map<int, std::weak_ptr<Engine>> engines;
    MutexLock lock(mutex);
    std::weak_ptr<Engine>& place = engines[device];
    if (auto there = place.lock()) return there;
    auto made = std::make_shared<Engine>(
        SLUICE_TRY(JpegDecoder::create(device, JpegDecoder::Way::kEngine)));
    place = made;
    return made;
}

class CudaJpegStream final : public JpegStream {
public:
    CudaJpegStream(int device, std::shared_ptr<Engine> engine)
        : device_(device), engine_(std::move(engine)) {}

    Result<void> decode(std::span<const std::uint8_t> jpeg,
                        const image::JpegHeader& header,
                        const memory::MutableImageView& to) override {
        std::vector<std::uint8_t> whole;
        if (!header.has_huffman_tables) {
            whole = image::with_huffman_tables(jpeg, header);
            jpeg = whole;
        }
        if (!header.is_like(asked_)) {
            taken_ = engine_->decoder->takes(jpeg);
            asked_ = header;
        }
        const image::JpegPicture picture{jpeg, header.is_420(), to};
        if (taken_ && engine_->queue.decode(picture)) return {};
        if (!own_) own_ = SLUICE_TRY(JpegDecoder::create(device_, JpegDecoder::Way::kKernels));
        return own_->decode({&picture, 1});
    }

private:
    const int device_;
    const std::shared_ptr<Engine> engine_;
    std::unique_ptr<JpegDecoder> own_;
    image::JpegHeader asked_;  ///< the latest, of which the engine was asked
    bool taken_ = false;
};

}  // namespace

Result<std::unique_ptr<JpegStream>> JpegStream::create(int device) {
    return std::unique_ptr<JpegStream>(
        std::make_unique<CudaJpegStream>(device, SLUICE_TRY(engine_of(device))));
}

}  // namespace sluice::gst
