#include "sluice/osd/renderer.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "sluice/osd/cpu/cpu_renderer.h"
#include "sluice/osd/cuda/cuda_renderer.h"

namespace sluice::osd {
namespace {

/// Draws where the pixels are: a renderer for each memory that has been met.
class PlacedRenderer final : public Renderer {
public:
    PlacedRenderer(const OsdOptions& options, std::unique_ptr<Renderer> on_host)
        : options_(options) {
        placed_[memory::kHostMemory] = std::move(on_host);
    }

    bool reaches(int) const override { return true; }

    Result<void> draw(const memory::MutableImageView& image,
                      std::span<const meta::Primitive> list) override {
        bool is_host = image.device == memory::kHostMemory;
        if (is_host && options_.process_mode == ProcessMode::kGpu) {
            return unsupported(
                "option 'process-mode' is gpu, but the frame is in the host's memory; use auto");
        }
        std::unique_ptr<Renderer>& renderer = placed_[image.device];
        if (!renderer) renderer = SLUICE_TRY(cuda::create_renderer(options_, image.device));
        return renderer->draw(image, list);
    }

    Result<void> flush() override {
        for (auto& [device, renderer] : placed_) {
            if (renderer) SLUICE_TRY(renderer->flush());
        }
        return {};
    }

private:
    OsdOptions options_;
    std::map<int, std::unique_ptr<Renderer>> placed_;  ///< by view.device
};

}  // namespace

Result<std::unique_ptr<Renderer>> Renderer::create(const OsdOptions& options) {
    if (options.process_mode == ProcessMode::kGpu) {
        auto available = cuda::check_available();
        if (!available) {
            return unsupported(
                fmt::format("option 'process-mode': no GPU to draw on: {}; use cpu "
                            "(0) or auto",
                            available.error().message));
        }
    }
    auto on_host = SLUICE_TRY(CpuRenderer::create(options));
    if (options.process_mode == ProcessMode::kCpu) return on_host;
    return std::unique_ptr<Renderer>(std::make_unique<PlacedRenderer>(options, std::move(on_host)));
}

Result<void> Renderer::check_planes(const memory::MutableImageView& image) {
    memory::FormatLayout layout = memory::layout(image.format);
    bool valid = image.size.width > 0 && image.size.height > 0;
    for (int i = 0; i < layout.planes; ++i) {
        auto slot = static_cast<std::size_t>(i);
        std::ptrdiff_t row = std::ptrdiff_t{memory::plane_size(image.format, image.size, i).width} *
                             layout.plane[slot].bytes_per_pixel;
        valid = valid && image.data[slot] != nullptr && image.stride[slot] >= row;
    }
    if (valid) return {};
    return invalid_argument(
        fmt::format("a {}x{} {} picture without pixels, with a plane missing or a stride too short",
                    image.size.width,
                    image.size.height,
                    memory::to_string(image.format)));
}

}  // namespace sluice::osd
