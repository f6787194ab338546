#include "sluice/gst/cuda_memory.h"

namespace sluice::gst {
namespace {

Error not_built() {
    return unsupported("this build has no CUDA memory (CUDA and gstreamer-cuda-1.0 are wanted)");
}

}  // namespace

bool has_cuda_memory() {
    return false;
}
int cuda_device_count() {
    return 0;
}
int device_of(GstBuffer*) {
    return memory::kHostMemory;
}
bool copies_to_host(GstBuffer*) {
    return false;
}
GstMapFlags map_on_device(GstBuffer*) {
    return GstMapFlags{};
}
Result<ContextRef> cuda_context(int) {
    return not_built();
}
bool answer_context_query(GstElement*, GstQuery*, int) {
    return false;
}
Result<GstBufferPool*> make_device_pool(int, const GstVideoInfo&) {
    return not_built();
}
Result<void> copy_on_device(const memory::ImageView&, const memory::MutableImageView&) {
    return not_built();
}

}  // namespace sluice::gst
