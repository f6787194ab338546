#include "sluice/osd/scene.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sluice/osd/style.h"

namespace sluice::osd {
namespace {

constexpr meta::Color kFixedColor{0, 255, 0, 255};
constexpr std::uint8_t kTrailAlpha = 210;

bool in_sight(const meta::Object& object, memory::Size size) {
    return meta::clip(object.box, static_cast<float>(size.width), static_cast<float>(size.height))
               .area() > 0;
}

}  // namespace

Result<Scene> Scene::create(const OsdOptions& options) {
    Colors colors;
    if (!options.border_color.empty()) {
        colors.border = SLUICE_TRY(parse_color(options.border_color, "border-color"));
        colors.has_border = true;
    } else if (options.color_by == ColorBy::kFixed) {
        colors.border = kFixedColor;
        colors.has_border = true;
    }
    if (!options.text_color.empty()) {
        colors.text = SLUICE_TRY(parse_color(options.text_color, "text-color"));
        colors.has_text = true;
    }
    if (!options.text_bg_color.empty()) {
        colors.background = SLUICE_TRY(parse_color(options.text_bg_color, "text-bg-color"));
        colors.has_background = true;
    }
    return Scene(options, colors);
}

Scene::Scene(const OsdOptions& options, const Colors& colors)
    : options_(options), colors_(colors), trails_(options.trails) {}

/// The next entry of the list as a Shape; one left there by an earlier frame keeps its memory.
template <class Shape>
Shape& Scene::add() {
    if (count_ == list_.size()) list_.emplace_back();
    meta::Primitive& slot = list_[count_++];
    if (auto* shape = std::get_if<Shape>(&slot)) return *shape;
    return slot.emplace<Shape>();
}

std::span<const meta::Primitive> Scene::build(const meta::Frame& frame) {
    count_ = 0;
    add_blurs(frame);
    if (options_.trails > Duration::zero()) add_trails(frame);
    if (options_.display_bbox) add_boxes(frame);
    if (options_.display_text) add_labels(frame);
    if (options_.display_user) {
        for (const meta::Primitive& shape : frame.display) {
            std::visit([&](const auto& s) { add<std::decay_t<decltype(s)>>() = s; }, shape);
        }
    }
    return {list_.data(), count_};
}

meta::Color Scene::color_of(const meta::Object& object) const {
    if (colors_.has_border) return colors_.border;
    if (options_.color_by == ColorBy::kTrack && object.tracked())
        return palette_color(object.track_id.value);
    return palette_color(static_cast<std::uint32_t>(object.class_id.value));
}

bool Scene::blurred(const meta::Object& object) const {
    const std::vector<int>& ids = options_.blur_class_ids;
    return std::find(ids.begin(), ids.end(), object.class_id.value) != ids.end();
}

void Scene::add_blurs(const meta::Frame& frame) {
    if (options_.blur_class_ids.empty()) return;
    for (const meta::Object& object : frame.objects) {
        if (blurred(object)) add<meta::Blur>().box = object.box;
    }
}

void Scene::add_trails(const meta::Frame& frame) {
    trails_.update(frame);
    for (const meta::Object& object : frame.objects) {
        if (!object.tracked()) continue;
        auto& line = add<meta::Line>();
        line.points.clear();
        line.closed = false;
        line.color = color_of(object);
        line.color.alpha = std::min(line.color.alpha, kTrailAlpha);
        line.line_width = static_cast<float>(border_px(options_, frame.size.height));
        trails_.append_points(frame.source, object.track_id, line.points);
        if (line.points.size() < 2) --count_;
    }
}

void Scene::add_boxes(const meta::Frame& frame) {
    auto width = static_cast<float>(border_px(options_, frame.size.height));
    for (const meta::Object& object : frame.objects) {
        auto& rectangle = add<meta::Rectangle>();
        rectangle.box = object.box;
        rectangle.color = color_of(object);
        rectangle.line_width = width;
    }
}

void Scene::add_labels(const meta::Frame& frame) {
    int size = text_px(options_, frame.size.height);
    auto height = static_cast<float>(label_height(size));
    float border =
        options_.display_bbox ? static_cast<float>(border_px(options_, frame.size.height)) : 0;
    for (const meta::Object& object : frame.objects) {
        if (!in_sight(object, frame.size)) continue;
        auto& text = add<meta::Text>();
        text.text.clear();
        write_label(object, text.text);
        // Flush with the box's outer edge, on top of it; inside where there is no room above.
        float top = object.box.top - border / 2;
        text.at = {std::max(0.F, object.box.left - border / 2),
                   top >= height ? top - height : std::max(0.F, top)};
        text.background = colors_.has_background ? colors_.background : color_of(object);
        text.color = colors_.has_text ? colors_.text : readable_on(text.background);
        text.size = static_cast<float>(size);
    }
}

void Scene::write_label(const meta::Object& object, std::string& text) const {
    auto out = std::back_inserter(text);
    if (object.label.empty()) {
        fmt::format_to(out, "class {}", object.class_id.value);
    } else {
        text += object.label.view();
    }
    if (options_.display_track_id && object.tracked())
        fmt::format_to(out, " {}", object.track_id.value);
    if (options_.display_score && object.score > 0) fmt::format_to(out, " {:.2f}", object.score);
    if (!options_.display_labels) return;
    for (const meta::Label& label : object.labels) {
        text += &label == object.labels.data() ? " | " : ", ";
        text += label.value.view();
    }
}

}  // namespace sluice::osd
