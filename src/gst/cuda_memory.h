#pragma once

#include <gst/video/video.h>

#include "sluice/base/result.h"
#include "sluice/gst/handles.h"
#include "sluice/memory/image.h"

/// GStreamer's CUDA memory (GstCudaMemory), as its decoders give it. Its library calls its
/// interface unstable, so nobody else names it. Built without CUDA or without that library, no
/// buffer is of a device, and what would make one is kUnsupported. Thread-safe.
///
/// All of it shares the device's primary context, which is the CUDA runtime's as well, so that our
/// kernels read what decoders wrote. Buffers are complete when they travel: a decoder waits for its
/// stream before it pushes, and who of ours writes on the device does the same. GStreamer itself
/// copies on the context's null stream, which does not wait for streams such as ours.
namespace sluice::gst {

#define SLUICE_CUDA_FEATURE "memory:CUDAMemory"

/// Was CUDA memory built in? It says nothing of this machine.
bool has_cuda_memory();

/// How many devices there are whose memory frames can be in.
int cuda_device_count();

/// The device in whose memory the newest pixels lie; memory::kHostMemory where they lie on the
/// host, and where a context holds them that our kernels cannot read.
int device_of(GstBuffer* buffer);

/// Will the next mapping into host memory copy the pixels from a device?
bool copies_to_host(GstBuffer* buffer);

/// The flag with which pixels are mapped where device_of() says they are, on a device; waits for
/// what is still being written there.
GstMapFlags map_on_device(GstBuffer* buffer);

/// The device's shared context for GStreamer's elements: gst_element_set_context().
Result<ContextRef> cuda_context(int device);

/// Answers GST_QUERY_CONTEXT for CUDA's context with that device's; false where the query is of
/// another kind or there is no such device.
bool answer_context_query(GstElement* element, GstQuery* query, int device);

/// An active pool of frames on the device, to be deactivated and unreferenced by the caller. NV12
/// takes a third more memory than its pixels, for GStreamer lays it out so.
Result<GstBufferPool*> make_device_pool(int device, const GstVideoInfo& info);

/// memory::cuda::copy_picture(), where it was built.
Result<void> copy_on_device(const memory::ImageView& from, const memory::MutableImageView& to);

}  // namespace sluice::gst
