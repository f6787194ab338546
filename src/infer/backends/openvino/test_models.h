#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace sluice::infer {

/// A micro model of tests/models/.
inline std::string micro_model(const std::string& name) {
    return std::string(SLUICE_SOURCE_DIR) + "/tests/models/" + name + ".onnx";
}

/// A real model, "yolox_nano/yolox_nano"; empty where the test data is absent.
inline std::string real_model(const std::string& name) {
    const char* folder = std::getenv("SLUICE_TEST_DATA");
    std::string path =
        std::string(folder ? folder : SLUICE_TEST_DATA) + "/models/" + name + ".onnx";
    return std::filesystem::exists(path) ? path : std::string();
}

/// The real models that a test may ask for.
inline std::vector<std::string> real_models() {
    return {"yolox_nano/yolox_nano",
            "fastestdet/FastestDet",
            "osnet_x0_25/osnet_x0_25_msmt17",
            "vehicle_attributes_0039/vehicle-attributes-0039"};
}

}  // namespace sluice::infer
