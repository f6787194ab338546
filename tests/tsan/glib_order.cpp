// Tells the thread sanitizer what GLib and GStreamer order between threads.
//
// Both are not instrumented, and GLib's mutex is made of atomics and futexes, so the sanitizer does
// not see that what one thread wrote before an unlock is there for the other after its lock: every
// buffer that passes a queue would be a race. Preloaded into a program under test, these functions
// stand before the real ones and say so. They add no order that is not there, so a true race
// between elements is still found.

#include <dlfcn.h>
#include <gst/gst.h>

extern "C" {

void __tsan_acquire(void* address) __attribute__((weak));
void __tsan_release(void* address) __attribute__((weak));

}  // extern "C"

namespace {

void acquire(const void* address) {
    if (__tsan_acquire != nullptr) __tsan_acquire(const_cast<void*>(address));
}

void release(const void* address) {
    if (__tsan_release != nullptr) __tsan_release(const_cast<void*>(address));
}

}  // namespace

// The function of this name that would have been called.
#define SLUICE_NEXT(name) \
    static const auto next = reinterpret_cast<decltype(&name)>(dlsym(RTLD_NEXT, #name))

#define SLUICE_LOCK(name, Type) \
    void name(Type* lock) {     \
        SLUICE_NEXT(name);      \
        next(lock);             \
        acquire(lock);          \
    }
#define SLUICE_TRYLOCK(name, Type)         \
    gboolean name(Type* lock) {            \
        SLUICE_NEXT(name);                 \
        const gboolean taken = next(lock); \
        if (taken) acquire(lock);          \
        return taken;                      \
    }
#define SLUICE_UNLOCK(name, Type) \
    void name(Type* lock) {       \
        SLUICE_NEXT(name);        \
        release(lock);            \
        next(lock);               \
    }

extern "C" {

SLUICE_LOCK(g_mutex_lock, GMutex)
SLUICE_TRYLOCK(g_mutex_trylock, GMutex)
SLUICE_UNLOCK(g_mutex_unlock, GMutex)
SLUICE_LOCK(g_rec_mutex_lock, GRecMutex)
SLUICE_TRYLOCK(g_rec_mutex_trylock, GRecMutex)
SLUICE_UNLOCK(g_rec_mutex_unlock, GRecMutex)

void g_cond_wait(GCond* condition, GMutex* mutex) {
    SLUICE_NEXT(g_cond_wait);
    release(mutex);
    next(condition, mutex);
    acquire(mutex);
}

gboolean g_cond_wait_until(GCond* condition, GMutex* mutex, gint64 end) {
    SLUICE_NEXT(g_cond_wait_until);
    release(mutex);
    const gboolean signalled = next(condition, mutex, end);
    acquire(mutex);
    return signalled;
}

// References: who drops the last one sees what the others did before they dropped theirs.
#define SLUICE_UNREF(name, Type) \
    void name(Type* object) {    \
        SLUICE_NEXT(name);       \
        release(object);         \
        acquire(object);         \
        next(object);            \
    }

SLUICE_UNREF(gst_mini_object_unref, GstMiniObject)

void gst_object_unref(gpointer object) {
    SLUICE_NEXT(gst_object_unref);
    release(object);
    acquire(object);
    next(object);
}

void(g_object_unref)(gpointer object) {
    static const auto next =
        reinterpret_cast<void (*)(gpointer)>(dlsym(RTLD_NEXT, "g_object_unref"));
    release(object);
    acquire(object);
    next(object);
}

// Inside GLib, where these queues lock, nothing can stand before. GstHarness hands on buffers and
// events by them.
void g_async_queue_push(GAsyncQueue* queue, gpointer data) {
    SLUICE_NEXT(g_async_queue_push);
    release(queue);
    next(queue, data);
}

gpointer g_async_queue_pop(GAsyncQueue* queue) {
    SLUICE_NEXT(g_async_queue_pop);
    gpointer data = next(queue);
    acquire(queue);
    return data;
}

gpointer g_async_queue_try_pop(GAsyncQueue* queue) {
    SLUICE_NEXT(g_async_queue_try_pop);
    gpointer data = next(queue);
    acquire(queue);
    return data;
}

gpointer g_async_queue_timeout_pop(GAsyncQueue* queue, guint64 timeout) {
    SLUICE_NEXT(g_async_queue_timeout_pop);
    gpointer data = next(queue, timeout);
    acquire(queue);
    return data;
}

// A pool hands a buffer on without a lock.
GstFlowReturn gst_buffer_pool_acquire_buffer(GstBufferPool* pool,
                                             GstBuffer** buffer,
                                             GstBufferPoolAcquireParams* params) {
    SLUICE_NEXT(gst_buffer_pool_acquire_buffer);
    const GstFlowReturn result = next(pool, buffer, params);
    if (result == GST_FLOW_OK) acquire(*buffer);
    return result;
}

// The bus's queue has no lock either.
gboolean gst_bus_post(GstBus* bus, GstMessage* message) {
    SLUICE_NEXT(gst_bus_post);
    release(bus);
    return next(bus, message);
}

GstMessage* gst_bus_timed_pop_filtered(GstBus* bus, GstClockTime timeout, GstMessageType types) {
    SLUICE_NEXT(gst_bus_timed_pop_filtered);
    GstMessage* message = next(bus, timeout, types);
    acquire(bus);
    return message;
}

GstMessage* gst_bus_pop(GstBus* bus) {
    SLUICE_NEXT(gst_bus_pop);
    GstMessage* message = next(bus);
    acquire(bus);
    return message;
}

}  // extern "C"
