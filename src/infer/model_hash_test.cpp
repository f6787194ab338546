#include "sluice/infer/model_hash.h"

#include <gtest/gtest.h>

#include "sluice/infer/folder_testing.h"

namespace sluice::infer {
namespace {

class ModelHashTest : public InFolder {};

TEST_F(ModelHashTest, TellsModelsApartByTheirBytes) {
    const std::string one = write(file("one.onnx"), "one");
    EXPECT_EQ(model_hash(one).value(),
              "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    EXPECT_NE(model_hash(write(file("two.onnx"), "two")).value(), model_hash(one).value());
}

TEST_F(ModelHashTest, SeesTheWeightsBesideAnIr) {
    const std::string model = write(file("a.xml"), "net");
    const std::string alone = model_hash(model).value();
    write(file("a.bin"), "weights");
    const std::string before = model_hash(model).value();
    write(file("a.bin"), "trained");
    EXPECT_NE(before, alone);
    EXPECT_NE(model_hash(model).value(), before);
}

TEST_F(ModelHashTest, RefusesWhatItCannotRead) {
    EXPECT_EQ(model_hash(file("none")).error().code, ErrorCode::kIo);
    EXPECT_EQ(model_hash(file("")).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace sluice::infer
