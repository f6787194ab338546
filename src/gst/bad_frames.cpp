#include "sluice/gst/bad_frames.h"

#include <fmt/format.h>

#include "sluice/gst/element.h"

namespace sluice::gst {

void BadFrames::report(GstElement* element, const meta::Frame& frame, const Error& error) {
    count_.add();
    std::uint64_t count = count_.value();
    if ((count & (count - 1)) != 0) return;
    post_warning(element,
                 invalid_argument(fmt::format("source {}, frame {}: {} ({} such frames so far)",
                                              frame.source.value,
                                              frame.sequence,
                                              error.text(),
                                              count)));
}

}  // namespace sluice::gst
