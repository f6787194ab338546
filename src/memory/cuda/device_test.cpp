#include "sluice/memory/cuda/device.h"

#include <array>

#include <gtest/gtest.h>

namespace sluice::memory::cuda {
namespace {

class Devices : public testing::Test {
protected:
    void SetUp() override {
        if (device_count() == 0) GTEST_SKIP() << "there is no CUDA device here";
        ASSERT_TRUE(use_device(0));
    }
};

TEST(Device, NamesWhatIsMissing) {
    auto checked = check_device(device_count());
    ASSERT_FALSE(checked);
    auto used = use_device(device_count());
    ASSERT_FALSE(used);
    EXPECT_EQ(used.error().message, checked.error().message);
    EXPECT_NE(checked.error().code, ErrorCode::kInternal) << checked.error().text();
}

TEST(Device, BeforeAmpereIsRefused) {
    auto old = check_capability("Tesla T4", 7, 5);
    ASSERT_FALSE(old);
    EXPECT_EQ(old.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(old.error().message,
              "Tesla T4 has compute capability 7.5; 8.0 (Ampere) or newer is needed");
    EXPECT_TRUE(check_capability("NVIDIA A100", 8, 0));
}

TEST_F(Devices, CopiesThereAndBackInOrder) {
    auto host = Buffer::create(Buffer::Kind::kPinnedHost, 1024).value();
    auto device = Buffer::create(Buffer::Kind::kDevice, 1024).value();
    auto stream = Stream::create().value();
    auto done = Event::create().value();
    for (std::size_t i = 0; i < 1024; ++i)
        host.data()[i] = static_cast<std::byte>(i % 251);
    cudaMemcpyAsync(device.data(), host.data(), 1024, cudaMemcpyDefault, stream.get());
    cudaMemsetAsync(device.data(), 7, 10, stream.get());
    cudaMemcpyAsync(host.data(), device.data(), 1024, cudaMemcpyDefault, stream.get());
    ASSERT_TRUE(done.record(stream));
    ASSERT_TRUE(done.wait());
    EXPECT_EQ(host.data()[9], std::byte{7});
    EXPECT_EQ(host.data()[10], std::byte{10});
    EXPECT_EQ(host.data()[1023], static_cast<std::byte>(1023 % 251));
}

TEST_F(Devices, SaysThatMemoryIsOut) {
    auto buffer = Buffer::create(Buffer::Kind::kDevice, std::size_t{1} << 50);
    ASSERT_FALSE(buffer);
    EXPECT_EQ(buffer.error().code, ErrorCode::kExhausted);
    EXPECT_TRUE(Buffer::create(Buffer::Kind::kDevice, 1024)) << "the failure is not kept";
}

TEST_F(Devices, TakesTimes) {
    auto stream = Stream::create().value();
    auto from = Event::create(Event::Kind::kTimed).value();
    auto to = Event::create(Event::Kind::kTimed).value();
    ASSERT_TRUE(from.record(stream));
    ASSERT_TRUE(to.record(stream));
    ASSERT_TRUE(to.wait());
    EXPECT_GE(Event::milliseconds(from, to).value(), 0.0f);
}

}  // namespace
}  // namespace sluice::memory::cuda
