#include "sluice/gst/jpeg_stream.h"

namespace sluice::gst {

Result<std::unique_ptr<JpegStream>> JpegStream::create(int) {
    return unsupported("this build has no nvJPEG");
}

}  // namespace sluice::gst
