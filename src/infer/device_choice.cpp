#include "sluice/infer/device_choice.h"

#include <fmt/format.h>

#include "sluice/base/text.h"
#include "sluice/infer/calibration_file.h"
#include "sluice/infer/device_number.h"

namespace sluice::infer {

Result<void> check_cuda_precision(Precision precision) {
    switch (precision) {
        case Precision::kAuto:
        case Precision::kFp32:
        case Precision::kFp16:
        case Precision::kInt8:
            return {};
        default:
            return unsupported(fmt::format(
                "option 'precision': {} is not supported on CUDA; int8, fp16 and fp32 are",
                to_text(precision)));
    }
}

Result<DeviceChoice> choose_device(const EngineOptions& options) {
    const std::string word = to_lower(options.device);
    if (const auto number = device_number(options.device)) {
        SLUICE_TRY(device_name(options.device).context("option 'device': " + options.device));
        SLUICE_TRY(check_cuda_precision(options.precision));
        return DeviceChoice{*number, {}};
    }
    DeviceChoice choice;
    if (word == "auto") {
        const auto present = device_name("cuda:0");
        const auto precision = check_cuda_precision(options.precision);
        if (present && precision) return DeviceChoice{0, {}};
        choice.why = present ? precision.error().message : present.error().message;
    } else if (word != "cpu") {
        SLUICE_TRY(device_name(options.device));
    }
    if (options.precision == Precision::kFp8)
        return unsupported("option 'precision': CPUs do not compute in fp8");
    return choice;
}

}  // namespace sluice::infer
