#pragma once

#include <span>
#include <string>
#include <vector>

#include "sluice/base/result.h"
#include "sluice/meta/frame.h"
#include "sluice/osd/options.h"
#include "sluice/osd/trails.h"

namespace sluice::osd {

/// Says what is drawn on a frame: blurs, then trails, boxes and labels, then the user's own shapes.
/// Frames of all sources may go through one Scene. Reentrant.
class Scene {
public:
    /// Fails on a colour that is none.
    static Result<Scene> create(const OsdOptions& options);

    /// The draw list in the frame's processing resolution, valid until the next call.
    std::span<const meta::Primitive> build(const meta::Frame& frame);

    /// Drops what is remembered of a source (its trails): call when it leaves.
    void forget(meta::SourceId source) { trails_.forget(source); }

private:
    struct Colors {
        bool has_border = false, has_text = false, has_background = false;
        meta::Color border, text, background;
    };

    Scene(const OsdOptions& options, const Colors& colors);
    meta::Color color_of(const meta::Object& object) const;
    bool blurred(const meta::Object& object) const;
    void add_blurs(const meta::Frame& frame);
    void add_trails(const meta::Frame& frame);
    void add_boxes(const meta::Frame& frame);
    void add_labels(const meta::Frame& frame);
    void write_label(const meta::Object& object, std::string& text) const;

    template <class Shape>
    Shape& add();

    OsdOptions options_;
    Colors colors_;
    Trails trails_;
    std::vector<meta::Primitive> list_;  ///< the first count_ are this frame's; the rest is spare
    std::size_t count_ = 0;
};

}  // namespace sluice::osd
