#include "sluice/gst/element.h"

namespace sluice::gst {
namespace {

constexpr const char* kSourceEnd = "sluice/source-end";

struct Code {
    GQuark domain;
    gint code;
};

Code gst_code(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument:
            return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS};
        case ErrorCode::kNotFound:
            return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
        case ErrorCode::kIo:
            return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE};
        case ErrorCode::kCorrupt:
            return {GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE};
        case ErrorCode::kUnsupported:
            return {GST_STREAM_ERROR, GST_STREAM_ERROR_NOT_IMPLEMENTED};
        case ErrorCode::kExhausted:
            return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT};
        default:
            return {GST_CORE_ERROR, GST_CORE_ERROR_FAILED};
    }
}

void post(GstElement* element, GstMessageType type, const Error& error) {
    Code code = gst_code(error.code);
    gst_element_message_full(element,
                             type,
                             code.domain,
                             code.code,
                             g_strdup(error.text().c_str()),
                             nullptr,
                             __FILE__,
                             "",
                             0);
}

}  // namespace

void post_error(GstElement* element, const Error& error) {
    post(element, GST_MESSAGE_ERROR, error);
}
void post_warning(GstElement* element, const Error& error) {
    post(element, GST_MESSAGE_WARNING, error);
}

bool post_flow_error(GstElement* element, GstFlowReturn flow) {
    if (flow >= GST_FLOW_EOS && flow != GST_FLOW_NOT_LINKED) return false;
    post_error(element,
               internal_error(std::string("streaming stopped: ") + gst_flow_get_name(flow)));
    return true;
}

GstEvent* new_source_end_event(guint source_id) {
    return gst_event_new_custom(
        GST_EVENT_CUSTOM_DOWNSTREAM,
        gst_structure_new(kSourceEnd, "source-id", G_TYPE_UINT, source_id, nullptr));
}

bool parse_source_end(GstEvent* event, guint& source_id) {
    return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM &&
           gst_event_has_name(event, kSourceEnd) &&
           gst_structure_get_uint(gst_event_get_structure(event), "source-id", &source_id);
}

}  // namespace sluice::gst
