#pragma once

#include <string>

#include <gst/gst.h>

#include "sluice/base/fields.h"
#include "sluice/base/result.h"

namespace sluice::app::detail {

/// A new element (floating); where GStreamer has none of that kind, the error names the package.
Result<GstElement*> make_element(const char* factory, const char* name = nullptr);

/// A new element of the factory, already in `bin`.
Result<GstElement*> add_element(GstElement* bin, const char* factory, const char* name = nullptr);

/// Links one after the other; fails with both names.
Result<void> link_elements(GstElement* from, GstElement* to);
Result<void> link_pads(GstPad* from, GstPad* to);

/// A ghost of `pad` (whose reference is taken over), activated, as the bin's pad `name`.
void add_ghost(GstElement* bin, const char* name, GstPad* pad);

/// Sets one property from text, as its type wants it.
void set_property(GstElement* element, const std::string& name, const std::string& text);

/// Sets the property behind each option of the table that differs from its default.
template <class Options>
void set_properties(GstElement* element, const Options& options) {
    const Options defaults{};
    for_each_field<Options>([&](const auto& entry) {
        std::string text = to_text(options.*entry.member);
        if (text == to_text(defaults.*entry.member)) return;
        set_property(element, std::string(entry.name), text);
    });
}

/// What an ERROR or WARNING message says, in one line.
std::string message_text(GstMessage* message);

/// The Debian package that has plug-ins for what GStreamer lacks, e.g. for "video/x-h265".
std::string package_for(const std::string& missing);

/// What GStreamer lacks to have elements for NVIDIA's decoders and encoders, and its package; ""
/// where its plug-in is there. Which of them the device has is another question.
std::string missing_nvcodec();

/// The elements from `first` on as a text of lines, with what differs from the defaults; below a
/// tee or demuxer each branch is indented. Ends before `end`, where that is given.
std::string outline(GstElement* first, GstElement* end = nullptr);

}  // namespace sluice::app::detail
