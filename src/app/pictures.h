#pragma once

#include <functional>
#include <string>

#include "sluice/app/sources.h"
#include "sluice/memory/image.h"

namespace sluice::app {

/// A decoded picture in memory of its own, as a run's models would get it.
struct Picture {
    std::string name;  ///< the image's file, or "video.avi at 12.4 s"
    memory::Image pixels;
    memory::ColorMatrix matrix = memory::ColorMatrix::kBt601;
    memory::ColorRange range = memory::ColorRange::kLimited;

    memory::ImageView view() const;
};

/// One image file (JPEG, PNG, ..), or a made-up picture where `path` is empty. initialise() was
/// called.
Result<Picture> load_picture(const std::string& path);

struct PicturesRead {
    int taken = 0;
    int unreadable = 0;        ///< images; a video that breaks off just ends
    std::string first_reason;  ///< of the unreadable ones
};

/// Reads at most `most` pictures, spread evenly over the images of a source or the length of a
/// recording (a live source: one a second), and gives each to `take`, whose error ends the reading.
/// initialise() was called. An error where nothing can be read of a video; images that cannot be
/// read are counted.
Result<PicturesRead> read_pictures(const Source& source,
                                   int most,
                                   const std::function<Result<void>(const Picture&)>& take);

/// As JPEG, for reports.
Result<std::string> to_jpeg(const memory::ImageView& rgb);

}  // namespace sluice::app
