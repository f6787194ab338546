#include "sluice/infer/device_choice.h"

#include <gmock/gmock.h>

#include "sluice/infer/calibration_file.h"

namespace sluice::infer {
namespace {

using testing::HasSubstr;

Result<DeviceChoice> choose(const char* device, Precision precision = Precision::kAuto) {
    EngineOptions options;
    options.device = device;
    options.precision = precision;
    return choose_device(options);
}
std::string error_of(const Result<DeviceChoice>& choice) {
    return choice ? "no error" : choice.error().text();
}

TEST(ChooseDevice, AutoIsCudaWhereAnEngineCouldBeMadeElseTheCpuWithTheReason) {
    const auto cuda = device_name("cuda:0");
    const auto choice = choose("auto");
    ASSERT_TRUE(choice) << choice.error().text();
    EXPECT_EQ(choice.value().device, cuda ? 0 : memory::kHostMemory);
    EXPECT_EQ(choice.value().why, cuda ? "" : cuda.error().message);
}

TEST(ChooseDevice, AutoIsTheCpuForAPrecisionThatCudaDoesNotHave) {
    const auto choice = choose("auto", Precision::kBf16);
    ASSERT_TRUE(choice) << choice.error().text();
    EXPECT_EQ(choice.value().device, memory::kHostMemory);
    EXPECT_NE(choice.value().why, "");
}

TEST(ChooseDevice, TheCpuNeedsNoReason) {
    const auto choice = choose("CPU", Precision::kFp32);
    ASSERT_TRUE(choice) << choice.error().text();
    EXPECT_EQ(choice.value().device, memory::kHostMemory);
    EXPECT_EQ(choice.value().why, "");
}

TEST(ChooseDevice, NamesADeviceThatIsNotHereOnce) {
    EXPECT_THAT(error_of(choose("cuda:1023")), HasSubstr("option 'device': cuda:1023: "));
    const std::string word = error_of(choose("gpu"));
    EXPECT_THAT(word, HasSubstr("there is no 'gpu'"));
    EXPECT_EQ(word.find("option 'device'"), word.rfind("option 'device'")) << word;
}

TEST(ChooseDevice, NamesAPrecisionThatNothingComputesIn) {
    EXPECT_THAT(error_of(choose("cpu", Precision::kFp8)), HasSubstr("fp8"));
    EXPECT_THAT(error_of(choose("auto", Precision::kFp8)), HasSubstr("fp8"));
}

TEST(ChooseDevice, NamesAPrecisionThatCudaDoesNotHave) {
    if (!device_name("cuda:0")) GTEST_SKIP() << "no CUDA device, or no cuDNN";
    EXPECT_THAT(error_of(choose("cuda:0", Precision::kBf16)), HasSubstr("bf16"));
}

}  // namespace
}  // namespace sluice::infer
