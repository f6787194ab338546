#include "sluice/image/cuda/preprocess.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/image/cpu/reference.h"
#include "sluice/image/cuda/test_pictures.h"
#include "sluice/image/detail/test_tensors.h"

namespace sluice::image::cuda {
namespace {

using detail::plan_of;
using detail::whole;
using memory::ElementType;
using memory::PixelFormat;
using memory::cuda::Buffer;
using memory::cuda::Stream;
using testing::Each;
using testing::HasSubstr;

constexpr std::uint8_t kUntouched = 0xA5;
constexpr std::size_t kGuard = 256;  ///< bytes behind a tensor that must stay

class CudaPreprocess : public testing::Test {
protected:
    void SetUp() override {
        if (memory::cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device here";
        ASSERT_TRUE(memory::cuda::use_device(0));
        stream_ = Stream::create().value();
    }

    /// The tensor of a run and what lies behind it.
    std::vector<std::uint8_t> run(BatchPreprocessor& preprocessor, int count, std::size_t items) {
        const std::size_t bytes = preprocessor.item_bytes() * items + kGuard;
        const Buffer tensor = Buffer::create(Buffer::Kind::kDevice, bytes).value();
        cudaMemsetAsync(tensor.data(), kUntouched, bytes, stream_.get());
        const Result<void> queued = preprocessor.run(count, tensor.data(), stream_);
        EXPECT_TRUE(queued) << queued.error().text();
        EXPECT_TRUE(stream_.wait());
        std::vector<std::uint8_t> out(bytes);
        cudaMemcpy(out.data(), tensor.data(), bytes, cudaMemcpyDefault);
        return out;
    }

    Stream stream_;
};

struct Item {
    Twins twins;
    Rect crop;
};

memory::ImageView seen(const memory::Image& image) {
    return image.view();
}

/// Pictures of every format and of sizes of their own, mixed with crops.
std::vector<Item> mixed_items() {
    std::vector<Item> items;
    for (const PixelFormat format : device_formats()) {
        const int i = static_cast<int>(items.size());
        const memory::Size size{37 + 11 * i, 23 + 5 * i};
        const Rect crop = i % 2 == 0 ? whole(size) : Rect{3.25f, 1.5f, 30.5f, 20.75f};
        items.push_back({noisy_twins(format, size, static_cast<unsigned>(i)), crop});
    }
    return items;
}

void expect_item(const std::vector<std::uint8_t>& got,
                 const Item& item,
                 const PreprocessPlan& plan,
                 std::size_t stored) {
    const memory::ImageView view = seen(item.twins.for_reference);
    const auto channels = static_cast<std::size_t>(channel_count(plan.channels));
    const std::size_t pixels =
        static_cast<std::size_t>(plan.size.width) * static_cast<std::size_t>(plan.size.height);
    std::vector<std::uint8_t> expected(pixels * channels * memory::element_size(plan.type));
    cpu::preprocess(view, place(view.size, item.crop, plan).value(), plan, expected.data());
    const std::vector<double> want = detail::elements(expected, plan.type);
    const std::vector<double> numbers = detail::elements(got, plan.type);
    ASSERT_EQ(numbers.size(), pixels * stored);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const bool padding = stored != channels && i % stored >= channels;
        const double expectation = padding              ? 0
                                   : stored == channels ? want[i]
                                                        : want[i / stored * channels + i % stored];
        ASSERT_NEAR(numbers[i],
                    expectation,
                    detail::allowed(expectation, plan.type, padding ? 0 : plan.scale[0]))
            << memory::to_string(seen(item.twins.picture).format) << " type "
            << static_cast<int>(plan.type) << " stored " << stored << " number " << i;
    }
}

TEST_F(CudaPreprocess, AgreesInMixedBatchesOfEveryFitLayoutAndType) {
    const std::vector<Item> items = mixed_items();
    std::vector<OnDevice> pictures;
    for (const Item& item : items)
        pictures.emplace_back(seen(item.twins.picture));
    const int count = static_cast<int>(items.size());
    for (const ElementType type :
         {ElementType::kU8, ElementType::kF32, ElementType::kF16, ElementType::kBf16})
        for (const int stored : {0, 4, 8})
            for (int variant = 0; variant < 18; ++variant) {
                PreprocessPlan plan = plan_of(
                    {67, 41}, type, variant % 2 ? TensorLayout::kNchw : TensorLayout::kNhwc);
                if (stored != 0 && plan.layout == TensorLayout::kNchw) continue;
                plan.fit = variant / 6 ? Fit::kLetterbox : Fit::kStretch;
                plan.anchor = variant / 6 == 2 ? Anchor::kCenter : Anchor::kTopLeft;
                plan.channels = static_cast<ChannelOrder>(variant / 2 % 3);
                plan.fill = {1, 114, 255};
                plan.mean = {3, 5, 7};
                auto preprocessor = BatchPreprocessor::create(plan, count, stored).value();
                for (int i = 0; i < count; ++i) {
                    const auto slot = static_cast<std::size_t>(i);
                    ASSERT_TRUE(
                        preprocessor.add(i, pictures[slot].seen(), items[slot].crop, stream_));
                }
                const std::vector<std::uint8_t> out =
                    run(preprocessor, count, static_cast<std::size_t>(count));
                const auto bytes = static_cast<std::ptrdiff_t>(preprocessor.item_bytes());
                const auto kept =
                    static_cast<std::size_t>(stored != 0 ? stored : channel_count(plan.channels));
                for (int i = 0; i < count; ++i)
                    ASSERT_NO_FATAL_FAILURE(
                        expect_item({out.begin() + i * bytes, out.begin() + (i + 1) * bytes},
                                    items[static_cast<std::size_t>(i)],
                                    plan,
                                    kept));
                ASSERT_THAT(std::vector<std::uint8_t>(out.end() - kGuard, out.end()),
                            Each(kUntouched));
            }
    EXPECT_TRUE(stream_.wait());
}

TEST_F(CudaPreprocess, TakesBatchesOfMoreThanOneLaunch) {
    constexpr int kItems = 70;
    const PreprocessPlan plan = plan_of({33, 17});
    auto preprocessor = BatchPreprocessor::create(plan, kItems).value();
    std::vector<Item> items;
    std::vector<OnDevice> pictures;
    for (int i = 0; i < kItems; ++i) {
        items.push_back(
            {noisy_twins(PixelFormat::kNv12, {40, 30}, static_cast<unsigned>(i)), whole({40, 30})});
        pictures.emplace_back(seen(items.back().twins.picture));
        ASSERT_TRUE(preprocessor.add(i, pictures.back().seen(), items.back().crop, stream_));
    }
    const std::vector<std::uint8_t> out = run(preprocessor, kItems, kItems);
    const auto bytes = static_cast<std::ptrdiff_t>(preprocessor.item_bytes());
    for (int i = 0; i < kItems; ++i)
        ASSERT_NO_FATAL_FAILURE(
            expect_item({out.begin() + i * bytes, out.begin() + (i + 1) * bytes},
                        items[static_cast<std::size_t>(i)],
                        plan,
                        3));
}

TEST_F(CudaPreprocess, LeavesItemsBeyondTheCountAlone) {
    auto preprocessor = BatchPreprocessor::create(plan_of({35, 35}), 4).value();
    const OnDevice picture(seen(detail::noise(PixelFormat::kNv12, {64, 48})));
    ASSERT_TRUE(preprocessor.add(0, picture.seen(), whole({64, 48}), stream_));
    ASSERT_TRUE(preprocessor.add(1, picture.seen(), whole({64, 48}), stream_));
    const std::vector<std::uint8_t> out = run(preprocessor, 2, 4);
    const auto used = static_cast<std::ptrdiff_t>(2 * preprocessor.item_bytes());
    EXPECT_THAT(std::vector<std::uint8_t>(out.begin() + used, out.end()), Each(kUntouched));
}

TEST_F(CudaPreprocess, CopiesOnlyTheCropOfHostPictures) {
    const std::vector<Item> items = mixed_items();
    const int count = static_cast<int>(items.size());
    const PreprocessPlan plan = plan_of({67, 41}, ElementType::kF32);
    auto preprocessor = BatchPreprocessor::create(plan, count).value();
    for (int round = 0; round < 2; ++round) {  // the second finds the buffers there
        for (int i = 0; i < count; ++i) {
            const Item& item = items[static_cast<std::size_t>(i)];
            ASSERT_TRUE(preprocessor.add(i, seen(item.twins.picture), item.crop, stream_));
        }
        const std::vector<std::uint8_t> out =
            run(preprocessor, count, static_cast<std::size_t>(count));
        const auto bytes = static_cast<std::ptrdiff_t>(preprocessor.item_bytes());
        for (int i = 0; i < count; ++i)
            ASSERT_NO_FATAL_FAILURE(
                expect_item({out.begin() + i * bytes, out.begin() + (i + 1) * bytes},
                            items[static_cast<std::size_t>(i)],
                            plan,
                            3));
    }

    auto counted = BatchPreprocessor::create(plan, 1).value();
    const memory::Image nv12 = detail::noise(PixelFormat::kNv12, {64, 48});
    ASSERT_TRUE(counted.add(0, nv12.view(), {10, 10, 20, 8}, stream_));
    EXPECT_EQ(counted.uploaded_bytes(), 20u * 8 + 20 * 4);
    const OnDevice there(nv12.view());
    ASSERT_TRUE(counted.add(0, there.seen(), {10, 10, 20, 8}, stream_));
    EXPECT_EQ(counted.uploaded_bytes(), 240u) << "nothing more";
    EXPECT_TRUE(stream_.wait());
}

TEST_F(CudaPreprocess, RefusesPicturesItCannotReadAndForgetsThem) {
    auto preprocessor = BatchPreprocessor::create(plan_of({8, 8}), 2).value();
    const OnDevice picture(seen(detail::noise(PixelFormat::kNv12, {64, 48})));
    const auto message = [&](int item, const memory::ImageView& view, const Rect& crop) {
        const Result<Placement> placement = preprocessor.add(item, view, crop, stream_);
        return placement ? std::string() : placement.error().message;
    };
    EXPECT_THAT(message(2, picture.seen(), whole({64, 48})), HasSubstr("item 2"));
    EXPECT_THAT(message(0, picture.seen(), {64, 0, 8, 8}), HasSubstr("no pixel"));
    memory::ImageView elsewhere = picture.seen();
    elsewhere.device = 7;
    EXPECT_THAT(message(0, elsewhere, whole({64, 48})), HasSubstr("cuda:7"));

    ASSERT_TRUE(preprocessor.add(0, picture.seen(), whole({64, 48}), stream_));
    const Buffer tensor =
        Buffer::create(Buffer::Kind::kDevice, 2 * preprocessor.item_bytes()).value();
    const auto code = [&](int count) {
        const Result<void> queued = preprocessor.run(count, tensor.data(), stream_);
        return queued ? std::string() : queued.error().message;
    };
    EXPECT_THAT(code(2), HasSubstr("item 1"));
    EXPECT_THAT(code(3), HasSubstr("3 pictures"));
    EXPECT_EQ(code(1), "");
    EXPECT_THAT(code(1), HasSubstr("item 0")) << "a run forgets its pictures";
    EXPECT_TRUE(stream_.wait());
}

TEST(CudaPreprocessPlan, IsRefusedBeforeADeviceIsAskedFor) {
    const auto code = [](const PreprocessPlan& plan, int batch, int stored) {
        const auto made = BatchPreprocessor::create(plan, batch, stored);
        return made ? ErrorCode::kInternal : made.error().code;
    };
    const PreprocessPlan nhwc = plan_of({4, 4}, ElementType::kF16, TensorLayout::kNhwc);
    EXPECT_EQ(code(plan_of({0, 4}), 1, 0), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code(nhwc, 0, 0), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code(plan_of({4, 4}, ElementType::kI32), 1, 0), ErrorCode::kUnsupported);
    EXPECT_EQ(code(nhwc, 1, 5), ErrorCode::kUnsupported);
    EXPECT_EQ(code(plan_of({4, 4}), 1, 4), ErrorCode::kUnsupported) << "planes are not padded";
}

}  // namespace
}  // namespace sluice::image::cuda
