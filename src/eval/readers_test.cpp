#include "sluice/eval/readers.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "sluice/meta/writers.h"

namespace sluice::eval {
namespace {

using testing::HasSubstr;

/// A folder of its own for each test, taken away afterwards.
class Readers : public testing::Test {
protected:
    Readers() {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = std::filesystem::path(testing::TempDir()) /
                  ("sluice_eval_" + std::string(test->name()));
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_);
    }
    ~Readers() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& content) {
        auto path = folder_ / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << content;
        return path.string();
    }
    std::string folder() const { return folder_.string(); }

private:
    std::filesystem::path folder_;
};

/// Start of image, a comment, a frame header of 640x480.
const std::string kJpeg("\xFF\xD8\xFF\xFE\x00\x04hi\xFF\xC0\x00\x11\x08\x01\xE0\x02\x80\x03", 18);
const std::string kPng("\x89PNG\r\n\x1A\n\x00\x00\x00\rIHDR\x00\x00\x00\x64\x00\x00\x00\x32", 24);

template <class T>
void expect_error(const Result<T>& result, ErrorCode code, const std::string& part) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code);
    EXPECT_THAT(result.error().text(), HasSubstr(part));
}

TEST_F(Readers, MotRowsMayBeShortAndBlankLinesAreNothing) {
    auto tracks = parse_mot("1,2,3.5,4,5,6\r\n\n 2, 3, 1,1,1,1,0.5,7,\n", "a.txt");
    ASSERT_TRUE(tracks) << tracks.error().text();
    ASSERT_EQ(tracks->size(), 2u);
    EXPECT_EQ((*tracks)[0].box.left, 3.5);
    EXPECT_EQ((*tracks)[0].confidence, 1);
    EXPECT_EQ((*tracks)[1].id, 3);
    EXPECT_EQ((*tracks)[1].confidence, 0.5);
    EXPECT_EQ((*tracks)[1].class_id, 7);
}

TEST_F(Readers, MotErrorsNameFileAndLine) {
    expect_error(
        parse_mot("1,1,0,0,1,1\n1,2,3\n", "a.txt"), ErrorCode::kCorrupt, "a.txt:2: wants frame");
    expect_error(
        parse_mot("1,1,0,x,1,1\n", "a.txt"), ErrorCode::kCorrupt, "a.txt:1: column 4: 'x'");
    expect_error(parse_mot("0,1,0,0,1,1\n", "a.txt"), ErrorCode::kCorrupt, "frame 0");
    expect_error(parse_mot("1,1e300,0,0,1,1\n", "a.txt"), ErrorCode::kCorrupt, "too large");
    expect_error(parse_mot("1,nan,0,0,1,1\n", "a.txt"), ErrorCode::kCorrupt, "no number");
    expect_error(read_mot("/nowhere/a.txt"), ErrorCode::kNotFound, "/nowhere/a.txt");
}

TEST_F(Readers, GzippedFilesAreReadAndCutOnesRefused) {
    std::string path = folder() + "/a.txt.gz";
    std::string text;
    for (int i = 1; i < 5000; ++i)
        text += std::to_string(i) + "," + std::to_string(i * i) + ",1,2,3,4\n";
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    auto tracks = read_mot(path);
    ASSERT_TRUE(tracks) << tracks.error().text();
    EXPECT_EQ(tracks->size(), 4999u);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
    expect_error(read_mot(path), ErrorCode::kCorrupt, "a.txt.gz");
}

TEST_F(Readers, YoloFoldersTakeSizesFromTheImages) {
    write("images/b.png", kPng);
    write("images/a.jpg", kJpeg);
    write("labels/a.txt", "1 0.5 0.5 0.25 0.5\n");
    std::string names = write("names", "cat\ndog\n");
    auto truth = read_yolo_truth(folder(), names);
    ASSERT_TRUE(truth) << truth.error().text();
    ASSERT_EQ(truth->images.size(), 2u);
    EXPECT_EQ(truth->images[0].width, 640);
    EXPECT_EQ(truth->images[0].height, 480);
    EXPECT_EQ(truth->images[1].width, 100);
    EXPECT_EQ(truth->images[1].height, 50);
    ASSERT_EQ(truth->boxes.size(), 1u);
    EXPECT_EQ(truth->boxes[0].box.left, 240);
    EXPECT_EQ(truth->boxes[0].box.top, 120);
    EXPECT_EQ(truth->boxes[0].area, 160 * 240);
    EXPECT_EQ(truth->categories[1].name, "dog");

    std::string results = write("out/a.txt", "0 0.5 0.5 0.25 0.5 0.75\n");
    auto detections = read_yolo_results(folder() + "/out", *truth);
    ASSERT_TRUE(detections) << detections.error().text();
    ASSERT_EQ(detections->size(), 1u);
    EXPECT_EQ((*detections)[0].score, 0.75);
    write("out/a.txt", "0 0.5 0.5 0.25 0.5\n");
    expect_error(
        read_yolo_results(folder() + "/out", *truth), ErrorCode::kCorrupt, "a.txt:1: wants");
    expect_error(
        read_yolo_results(folder() + "/images", *truth), ErrorCode::kNotFound, "named after");
}

TEST_F(Readers, YoloLabelsOfKnownImages) {
    write("labels/a.txt", "2 0.5 0.5 0.2 0.5\n");
    auto truth =
        read_yolo_labels(folder(), {{7, "/elsewhere/a.jpg", 100, 40}, {8, "b.jpg", 10, 10}});
    ASSERT_TRUE(truth) << truth.error().text();
    ASSERT_EQ(truth->boxes.size(), 1u);
    EXPECT_EQ(truth->boxes[0].image, 7);
    EXPECT_EQ(truth->boxes[0].category, 2);
    EXPECT_DOUBLE_EQ(truth->boxes[0].box.left, 40);
    EXPECT_DOUBLE_EQ(truth->boxes[0].box.height, 20);
    EXPECT_EQ(truth->categories.size(), 1u);
    expect_error(
        read_yolo_labels(folder(), {{1, "c.jpg", 1, 1}}), ErrorCode::kNotFound, "named after");
}

TEST_F(Readers, ImagesNamedByNumberHaveThatId) {
    write("000000000139.jpg", kJpeg);
    auto truth = read_yolo_truth(folder(), "");
    ASSERT_TRUE(truth) << truth.error().text();
    EXPECT_EQ(truth->images[0].id, 139);
}

TEST_F(Readers, YoloErrorsNameTheFile) {
    expect_error(read_yolo_truth(folder(), ""), ErrorCode::kNotFound, "no JPEG or PNG");
    expect_error(read_yolo_truth(folder() + "/none", ""), ErrorCode::kNotFound, "none");
    write("a.jpg", "text");
    expect_error(read_yolo_truth(folder(), ""), ErrorCode::kUnsupported, "a.jpg: neither");
    write("a.jpg", kJpeg.substr(0, 10));
    expect_error(read_yolo_truth(folder(), ""), ErrorCode::kCorrupt, "a.jpg: its header");
    write("a.jpg", kJpeg);
    write("a.txt", "\n0.5 1 1 1 1\n");
    expect_error(read_yolo_truth(folder(), ""), ErrorCode::kCorrupt, "a.txt:2: class '0.5'");
    write("a.txt", "0 1 1 1 wide\n");
    expect_error(read_yolo_truth(folder(), ""), ErrorCode::kCorrupt, "a.txt:1: 'wide'");
}

TEST_F(Readers, CocoErrorsNameThePlace) {
    std::string bad = write("bad.json", "[\n{\"a\": }\n]");
    expect_error(read_coco_results(bad), ErrorCode::kCorrupt, "bad.json:2: no valid JSON");
    expect_error(
        read_coco_truth(write("t.json", "{}")), ErrorCode::kCorrupt, "'images' is missing");
    expect_error(read_coco_results(write("o.json", "{}")), ErrorCode::kCorrupt, "should be a list");
    expect_error(read_coco_results(write("r.json", R"([{"image_id":"x"}])")),
                 ErrorCode::kCorrupt,
                 "r.json[0]: 'image_id' should be a whole number");
    expect_error(
        read_coco_results(write("b.json", R"([{"image_id":1,"category_id":1,"bbox":[1,2]}])")),
        ErrorCode::kCorrupt,
        "four numbers");
    expect_error(read_coco_truth(write("c.json",
                                       R"({"images":[{"id":1}],"categories":[],)"
                                       R"("annotations":[{"image_id":1,"category_id":1,)"
                                       R"("bbox":[1,2,3,4],"iscrowd":"no"}]})")),
                 ErrorCode::kCorrupt,
                 "annotations[0]: 'iscrowd'");
    expect_error(read_coco_truth("/nowhere.json"), ErrorCode::kNotFound, "/nowhere.json");
}

meta::Frame written_frame(std::uint64_t sequence) {
    meta::Frame frame;
    frame.sequence = sequence;
    frame.source_size = {200, 100};
    frame.size = {100, 100};
    frame.content = {0, 25, 100, 50};
    meta::Object object;
    object.box = {10, 35, 5, 10};
    object.label = Name("cat");
    object.class_id = meta::ClassId(5);
    object.detector_box = {10, 35, 5, 10};
    object.score = 0.5f;
    object.track_id = meta::TrackId(4);
    object.tracker_confidence = 0.25f;
    frame.objects.push_back(object);
    return frame;
}

TEST_F(Readers, OurJsonLinesGiveSourcePixelsWhateverSpaceWasWritten) {
    std::string lines;
    meta::append_json_line(lines, written_frame(0), {}, meta::BoxSpace::kSource);
    meta::append_json_line(lines, written_frame(1), {}, meta::BoxSpace::kProcessing);
    auto tracks = read_json_lines_tracks(write("a.jsonl", lines));
    ASSERT_TRUE(tracks) << tracks.error().text();
    ASSERT_EQ(tracks->size(), 2u);
    for (const TrackRow& row : *tracks) {
        EXPECT_EQ(row.id, 4);
        EXPECT_NEAR(row.box.left, 20, 1e-9);
        EXPECT_NEAR(row.box.top, 20, 1e-9);
        EXPECT_NEAR(row.box.width, 10, 1e-9);
        EXPECT_EQ(row.confidence, 0.25);
    }
    EXPECT_EQ((*tracks)[1].frame, 2);
}

TEST_F(Readers, OurJsonLinesFindImagesByNameOrByOrder) {
    DetectionTruth truth{{{7, "b.jpg", 0, 0}, {9, "a.jpg", 0, 0}}, {{3, "cat"}}, {}};
    std::string named;
    meta::append_json_line(named, written_frame(0), {"", "file:///x/b.jpg"});
    auto detections = read_json_lines_detections(write("n.jsonl", named), truth);
    ASSERT_TRUE(detections) << detections.error().text();
    ASSERT_EQ(detections->size(), 1u);
    EXPECT_EQ((*detections)[0].image, 7);
    EXPECT_EQ((*detections)[0].category, 3);
    meta::append_json_line(named, written_frame(1), {"", "file:///x/c.jpg"});
    expect_error(read_json_lines_detections(write("n.jsonl", named), truth),
                 ErrorCode::kInvalidArgument,
                 "n.jsonl:2: 'file:///x/c.jpg' is no image");

    std::string ordered;
    meta::append_json_line(ordered, written_frame(0), {"", "folder"});
    detections = read_json_lines_detections(write("o.jsonl", ordered), truth);
    ASSERT_TRUE(detections) << detections.error().text();
    EXPECT_EQ((*detections)[0].image, 9);
    meta::append_json_line(ordered, written_frame(2), {"", "folder"});
    expect_error(read_json_lines_detections(write("o.jsonl", ordered), truth),
                 ErrorCode::kInvalidArgument,
                 "o.jsonl:2: frame 2 has no image");
}

TEST_F(Readers, OurJsonLinesKnowBothSpellingsOfCocosClasses) {
    DetectionTruth truth{{{7, "b.jpg", 0, 0}}, {{3, "aeroplane"}, {4, "tv"}}, {}};
    std::string line;
    for (const char* label : {"airplane", "tvmonitor"}) {
        meta::Frame frame = written_frame(0);
        frame.objects[0].label = Name(label);
        meta::append_json_line(line, frame, {"", "b.jpg"});
    }
    auto detections = read_json_lines_detections(write("n.jsonl", line), truth);
    ASSERT_TRUE(detections) << detections.error().text();
    ASSERT_EQ(detections->size(), 2u);
    EXPECT_EQ((*detections)[0].category, 3);
    EXPECT_EQ((*detections)[1].category, 4);
}

TEST_F(Readers, JsonLinesErrorsNameTheLine) {
    expect_error(
        read_json_lines_tracks(write("a.jsonl", "\n{\n")), ErrorCode::kCorrupt, "a.jsonl:2");
    expect_error(read_json_lines_tracks(write("b.jsonl", "{\"schema\":\"x/9\"}\n")),
                 ErrorCode::kUnsupported,
                 "b.jsonl:1: schema is 'x/9'");
    std::string lines;
    meta::Frame other = written_frame(0);
    meta::append_json_line(lines, other, {});
    other.source = meta::SourceId(1);
    meta::append_json_line(lines, other, {});
    expect_error(read_json_lines_tracks(write("c.jsonl", lines)),
                 ErrorCode::kInvalidArgument,
                 "c.jsonl:2: a second source");
}

}  // namespace
}  // namespace sluice::eval
