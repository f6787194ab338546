#include "sluice/app/description.h"

#include <gmock/gmock.h>

namespace sluice::app {
namespace {

using testing::HasSubstr;

constexpr std::string_view kWhole = R"(
sources:
  - a.mp4
  - {uri: rtsp://camera/1, name: gate, max-fps: 10, skip: non-key}
mux: {batch-size: 4, max-latency: 0.5}
models:
  - {model: m.onnx, interval: 2, pre-cluster-threshold: 0.4}
  - {model: /abs/n.onnx, process-mode: 2, operate-on-class-ids: [2, 7]}
tracker: {tracker: sort, probation-age: 2, min-hits: 1}
osd: {trails: 2, color-by: class}
outputs:
  - out.mp4
  - {kind: tracks, path: tracks/, format: jsonl}
)";

PipelineDescription whole() {
    return *parse_description(kWhole, "p.yaml", "conf");
}

std::string error_of(std::string_view text) {
    auto parsed = parse_description(text, "p.yaml", "");
    return parsed ? "no error" : parsed.error().text();
}

TEST(Description, ReadsEveryGroup) {
    PipelineDescription read = whole();
    EXPECT_EQ(read.sources[1].source.name, "gate");
    EXPECT_EQ(read.sources[1].mux.max_fps, 10);
    EXPECT_EQ(read.sources[1].source.skip, Skip::kNonKey);
    EXPECT_EQ(read.mux.batch_size, 4);
    EXPECT_EQ(read.models[0].interval, 2);
    EXPECT_EQ(read.models[0].description.at("pre-cluster-threshold"), "0.4");
    EXPECT_EQ(read.models[1].secondary.operate_on_class_ids, (std::vector<int>{2, 7}));
    EXPECT_EQ(read.tracker.options, "probation-age=2;min-hits=1");
    EXPECT_EQ(read.osd.color_by, osd::ColorBy::kClass);
    EXPECT_EQ(read.outputs[1].format, MetaFileFormat::kJsonLines);
}
TEST(Description, FindsWhatItReadsFromItsOwnFolder) {
    PipelineDescription read = whole();
    EXPECT_EQ(read.sources[0].source.uri, "conf/a.mp4");
    EXPECT_EQ(read.sources[1].source.uri, "rtsp://camera/1");
    EXPECT_EQ(read.models[0].model, "conf/m.onnx");
    EXPECT_EQ(read.models[1].model, "/abs/n.onnx");
    EXPECT_EQ(read.outputs[0].path, "out.mp4");
}
TEST(Description, WritesWhatItReads) {
    std::string written = to_yaml(whole());
    auto again = parse_description(written, "again", "");
    ASSERT_TRUE(again) << again.error().text() << written;
    EXPECT_EQ(to_yaml(*again), written);
}
TEST(Description, NamesFileAndLineOfWhatItDoesNotKnow) {
    EXPECT_THAT(error_of("mux:\n  bach-size: 4"), HasSubstr("p.yaml:2: no option 'bach-size'"));
    EXPECT_THAT(error_of("source: [a.mp4]"), HasSubstr("did you mean 'sources'?"));
    EXPECT_THAT(error_of("models:\n  - model: a\n    intervall: 1"), HasSubstr("'interval'"));
    EXPECT_THAT(error_of("sources:\n  - uri: a\n    lop: true"), HasSubstr("'loop'"));
    EXPECT_THAT(error_of("outputs:\n  - {path: a, kind: vidio}"), HasSubstr("p.yaml:2"));
}
TEST(Description, RefusesWhatHasAnotherShape) {
    EXPECT_THAT(error_of("sources: a.mp4"), HasSubstr("list"));
    EXPECT_THAT(error_of("mux: [1]"), HasSubstr("key: value"));
    EXPECT_THAT(error_of("- a"), HasSubstr("groups"));
    EXPECT_THAT(error_of("sources: [{name: a}]"), HasSubstr("'uri'"));
    EXPECT_THAT(error_of("models: [{interval: 1}]"), HasSubstr("'model'"));
    EXPECT_THAT(error_of("outputs: [{kind: video}]"), HasSubstr("'path'"));
}
TEST(Description, RefusesValuesOutOfRange) {
    EXPECT_THAT(error_of("mux: {batch-size: -1}"), HasSubstr("batch-size"));
    EXPECT_THAT(error_of("models: [{model: a, pre-cluster-threshold: 7}]"),
                HasSubstr("pre-cluster-threshold"));
}
TEST(Description, NamesAFileThatCannotBeRead) {
    EXPECT_THAT(read_description("/no/such.yaml").error().text(), HasSubstr("/no/such.yaml"));
}

TEST(ApplySetting, SetsOneOptionOfAGroup) {
    PipelineDescription description = whole();
    ASSERT_TRUE(apply_setting(description, "mux.batch-size=8"));
    EXPECT_EQ(description.mux.batch_size, 8);
}
TEST(ApplySetting, SetsAllOrOneOfAList) {
    PipelineDescription description = whole();
    ASSERT_TRUE(apply_setting(description, "models.interval=5"));
    ASSERT_TRUE(apply_setting(description, "models.1.interval=6"));
    EXPECT_EQ(description.models[0].interval, 5);
    EXPECT_EQ(description.models[1].interval, 6);
}
TEST(ApplySetting, RefusesWhatIsNotThere) {
    PipelineDescription description = whole();
    auto text = [&](const char* setting) {
        return apply_setting(description, setting).error().text();
    };
    EXPECT_THAT(text("mux.batchsize=8"), HasSubstr("'batch-size'"));
    EXPECT_THAT(text("muks.batch-size=8"), HasSubstr("'mux'"));
    EXPECT_THAT(text("models.9.interval=1"), HasSubstr("counted from 0"));
    EXPECT_THAT(text("batch-size=8"), HasSubstr("GROUP.OPTION=VALUE"));
    EXPECT_THAT(text("mux.batch-size"), HasSubstr("GROUP.OPTION=VALUE"));
    description.outputs.clear();
    EXPECT_THAT(text("outputs.width=100"), HasSubstr("no outputs"));
}

}  // namespace
}  // namespace sluice::app
