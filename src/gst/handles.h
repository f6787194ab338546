#pragma once

#include <memory>
#include <utility>

#include <gst/gst.h>

namespace sluice::gst {

/// Shared ownership of a GstMiniObject (GstBuffer, GstCaps, GstEvent, ..): copies add a reference.
template <class T>
class MiniRef {
public:
    MiniRef() = default;
    /// Takes over the caller's reference.
    explicit MiniRef(T* adopted) : object_(adopted) {}
    static MiniRef share(T* borrowed) {
        if (borrowed) gst_mini_object_ref(GST_MINI_OBJECT_CAST(borrowed));
        return MiniRef(borrowed);
    }
    MiniRef(const MiniRef& other) : MiniRef(share(other.object_)) {}
    MiniRef(MiniRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    MiniRef& operator=(MiniRef other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~MiniRef() {
        if (object_) gst_mini_object_unref(GST_MINI_OBJECT_CAST(object_));
    }

    T* get() const { return object_; }
    T* release() { return std::exchange(object_, nullptr); }
    explicit operator bool() const { return object_ != nullptr; }

private:
    T* object_ = nullptr;
};

using BufferRef = MiniRef<GstBuffer>;
using CapsRef = MiniRef<GstCaps>;
using EventRef = MiniRef<GstEvent>;
using ContextRef = MiniRef<GstContext>;

struct ObjectUnref {
    void operator()(gpointer object) const { gst_object_unref(object); }
};
template <class T>
using ObjectPtr = std::unique_ptr<T, ObjectUnref>;

struct GFree {
    void operator()(gpointer memory) const { g_free(memory); }
};
using CString = std::unique_ptr<gchar, GFree>;

}  // namespace sluice::gst
