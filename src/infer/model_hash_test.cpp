#include "sluice/infer/model_hash.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice::infer {
namespace {

class ModelHashTest : public testing::Test {
protected:
    ModelHashTest() { std::filesystem::create_directories(folder_); }
    ~ModelHashTest() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(folder_ + "/" + name) << text;
        return folder_ + "/" + name;
    }

    const std::string folder_ =
        testing::TempDir() + "/sluice_model_hash_" + std::to_string(getpid());
};

TEST_F(ModelHashTest, TellsModelsApartByTheirBytes) {
    const std::string one = write("one.onnx", "one");
    EXPECT_EQ(model_hash(one).value(),
              "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    EXPECT_NE(model_hash(write("two.onnx", "two")).value(), model_hash(one).value());
}

TEST_F(ModelHashTest, SeesTheWeightsBesideAnIr) {
    const std::string model = write("a.xml", "net");
    const std::string alone = model_hash(model).value();
    write("a.bin", "weights");
    const std::string before = model_hash(model).value();
    write("a.bin", "trained");
    EXPECT_NE(before, alone);
    EXPECT_NE(model_hash(model).value(), before);
}

TEST_F(ModelHashTest, RefusesWhatItCannotRead) {
    EXPECT_EQ(model_hash(folder_ + "/none").error().code, ErrorCode::kIo);
    EXPECT_EQ(model_hash(folder_).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace sluice::infer
