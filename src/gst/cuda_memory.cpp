#include "sluice/gst/cuda_memory.h"

#include <algorithm>
#include <array>
#include <atomic>

#define GST_USE_UNSTABLE_API
#include <fmt/format.h>
#include <gst/cuda/gstcudabufferpool.h>
#include <gst/cuda/gstcudacontext.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudamemory.h>
#include <gst/cuda/gstcudautils.h>

#include "sluice/base/mutex.h"
#include "sluice/gst/video.h"
#include "sluice/memory/cuda/copy.h"
#include "sluice/memory/cuda/device.h"

namespace sluice::gst {
namespace {

constexpr std::size_t kMostDevices = 64;

// Written once each, and kept for ever: buffers may outlive everything else.
std::array<std::atomic<GstCudaContext*>, kMostDevices> contexts{};
Mutex making;

Result<GstCudaContext*> make_context(int device) {
    if (!gst_cuda_load_library()) return unsupported("GStreamer finds no CUDA driver");
    gst_cuda_memory_init_once();
    SLUICE_TRY(memory::cuda::use_device(device));
    // The runtime's context, which is the primary one, lies on top of this thread's stack now: only
    // there can GStreamer's functions take hold of it.
    CUcontext primary = nullptr;
    if (!gst_cuda_context_pop(&primary) || !primary) {
        return internal_error(fmt::format("CUDA device {} has no context", device));
    }
    GstCudaContext* context = gst_cuda_context_new_wrapped(primary, device);
    if (!context) return internal_error("GStreamer does not take CUDA's primary context");
    gst_cuda_context_push(context);
    return context;
}

Result<GstCudaContext*> shared_context(int device) {
    if (device < 0 || static_cast<std::size_t>(device) >= kMostDevices) {
        return invalid_argument(fmt::format("there is no CUDA device {}", device));
    }
    std::atomic<GstCudaContext*>& place = contexts[static_cast<std::size_t>(device)];
    MutexLock lock(making);
    if (GstCudaContext* there = place) return there;
    GstCudaContext* made = SLUICE_TRY(make_context(device));
    place = made;
    return made;
}

GstCudaMemory* cuda_memory_of(GstBuffer* buffer) {
    if (gst_buffer_n_memory(buffer) != 1) return nullptr;  // a CUDA picture is one piece
    GstMemory* memory = gst_buffer_peek_memory(buffer, 0);
    return gst_is_cuda_memory(memory) ? GST_CUDA_MEMORY_CAST(memory) : nullptr;
}

/// GStreamer's pool, with planes that begin with rows.
struct DevicePool {
    GstCudaBufferPool parent;
};
struct DevicePoolClass {
    GstCudaBufferPoolClass parent_class;
};
G_DEFINE_TYPE(DevicePool, device_pool, GST_TYPE_CUDA_BUFFER_POOL)

GstFlowReturn device_pool_alloc(GstBufferPool* pool,
                                GstBuffer** buffer,
                                GstBufferPoolAcquireParams* params) {
    GstFlowReturn flow =
        GST_BUFFER_POOL_CLASS(device_pool_parent_class)->alloc_buffer(pool, buffer, params);
    GstVideoMeta* meta = flow == GST_FLOW_OK ? gst_buffer_get_video_meta(*buffer) : nullptr;
    if (meta) begin_planes_with_rows(*meta);
    return flow;
}
void device_pool_class_init(DevicePoolClass* type) {
    GST_BUFFER_POOL_CLASS(type)->alloc_buffer = device_pool_alloc;
}
void device_pool_init(DevicePool*) {}

GstBufferPool* new_device_pool(GstCudaContext* context) {
    auto* pool = static_cast<GstCudaBufferPool*>(g_object_new(device_pool_get_type(), nullptr));
    gst_object_ref_sink(pool);
    pool->context = static_cast<GstCudaContext*>(gst_object_ref(context));
    return GST_BUFFER_POOL_CAST(pool);
}

bool needs(GstCudaMemory* memory, GstCudaMemoryTransfer transfer) {
    return GST_MEMORY_FLAG_IS_SET(GST_MEMORY_CAST(memory), transfer);
}

}  // namespace

bool has_cuda_memory() {
    return true;
}

int cuda_device_count() {
    return memory::cuda::device_count();
}

int device_of(GstBuffer* buffer) {
    GstCudaMemory* memory = cuda_memory_of(buffer);
    if (!memory || needs(memory, GST_CUDA_MEMORY_TRANSFER_NEED_UPLOAD)) {
        return memory::kHostMemory;
    }
    gpointer handle = gst_cuda_context_get_handle(memory->context);
    for (std::size_t i = 0; i < kMostDevices; ++i) {
        GstCudaContext* ours = contexts[i].load(std::memory_order_acquire);
        if (ours && gst_cuda_context_get_handle(ours) == handle) return static_cast<int>(i);
    }
    return memory::kHostMemory;
}

bool copies_to_host(GstBuffer* buffer) {
    GstCudaMemory* memory = cuda_memory_of(buffer);
    return memory && needs(memory, GST_CUDA_MEMORY_TRANSFER_NEED_DOWNLOAD);
}

GstMapFlags map_on_device(GstBuffer* buffer) {
#if GST_CHECK_VERSION(1, 24, 0)
    // From 1.24 on memory may travel before its stream is done.
    gst_cuda_memory_sync(cuda_memory_of(buffer));
#else
    (void)buffer;
#endif
    return static_cast<GstMapFlags>(GST_MAP_CUDA);
}

Result<ContextRef> cuda_context(int device) {
    return ContextRef(gst_context_new_cuda_context(SLUICE_TRY(shared_context(device))));
}

bool answer_context_query(GstElement* element, GstQuery* query, int device) {
    const gchar* type = nullptr;
    gst_query_parse_context_type(query, &type);
    if (g_strcmp0(type, GST_CUDA_CONTEXT_TYPE) != 0) return false;
    auto context = shared_context(device);
    return context && gst_cuda_handle_context_query(element, query, *context);
}

Result<GstBufferPool*> make_device_pool(int device, const GstVideoInfo& info) {
    GstBufferPool* pool = new_device_pool(SLUICE_TRY(shared_context(device)));
    GstStructure* config = gst_buffer_pool_get_config(pool);
    CapsRef caps(gst_video_info_to_caps(&info));
    gst_caps_set_features_simple(caps.get(), gst_caps_features_new(SLUICE_CUDA_FEATURE, nullptr));
    gst_buffer_pool_config_set_params(
        config, caps.get(), static_cast<guint>(GST_VIDEO_INFO_SIZE(&info)), 0, 0);
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    if (!gst_buffer_pool_set_config(pool, config) || !gst_buffer_pool_set_active(pool, TRUE)) {
        gst_object_unref(pool);
        return Error{ErrorCode::kExhausted, "no device memory for these frames", {}};
    }
    return pool;
}

Result<void> copy_on_device(const memory::ImageView& from, const memory::MutableImageView& to) {
    SLUICE_TRY(memory::cuda::use_device(std::max(from.device, to.device)));
    return memory::cuda::copy_picture(from, to);
}

}  // namespace sluice::gst
