#include "sluice/osd/cuda/atlas.h"

namespace sluice::osd::cuda {

std::optional<std::uint32_t> Atlas::place(const GlyphMask& mask) {
    auto known = offsets_.find(mask.id);
    if (known != offsets_.end()) return known->second;
    auto bytes = static_cast<std::uint32_t>(mask.width) * static_cast<std::uint32_t>(mask.height);
    if (bytes > kCapacity - used_) return std::nullopt;
    std::uint32_t offset = used_;
    offsets_.emplace(mask.id, offset);
    fresh_.insert(fresh_.end(), mask.coverage, mask.coverage + bytes);
    used_ += bytes;
    return offset;
}

void Atlas::clear() {
    offsets_.clear();
    fresh_.clear();
    used_ = 0;
}

}  // namespace sluice::osd::cuda
