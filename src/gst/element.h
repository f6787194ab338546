#pragma once

#include <exception>

#include <gst/gst.h>

#include "sluice/base/error.h"

namespace sluice::gst {

/// Posts an element error whose text is the Error's; the pipeline's owner reads it from the bus.
/// Hold no lock.
void post_error(GstElement* element, const Error& error);
void post_warning(GstElement* element, const Error& error);
/// Posts an error where `flow` is one that ends a streaming task against the user's will: not for
/// the end of a stream, nor for flushing. True when it did.
bool post_flow_error(GstElement* element, GstFlowReturn flow);

/// Runs a virtual method's body: an exception of a library becomes an element error, since none
/// may cross C.
template <class T, class Body>
T guarded(GstElement* element, T on_exception, Body&& body) {
    try {
        return body();
    } catch (const std::exception& e) {
        post_error(element, internal_error(e.what()));
    } catch (...) {
        post_error(element, internal_error("unknown exception"));
    }
    return on_exception;
}

/// Serialized custom event: the source has ended (its last frame went before) or was taken away.
/// Elements with per-source state drop it; the demuxer ends the source's pad.
GstEvent* new_source_end_event(guint source_id);
/// True and the source's id when the event is such a one.
bool parse_source_end(GstEvent* event, guint& source_id);

}  // namespace sluice::gst
