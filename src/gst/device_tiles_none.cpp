#include "sluice/gst/device_tiles.h"

namespace sluice::gst {

Result<std::unique_ptr<DeviceTiles>> DeviceTiles::create(int) {
    return unsupported("this build cannot draw on a GPU");
}

}  // namespace sluice::gst
