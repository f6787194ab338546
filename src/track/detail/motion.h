#pragma once

#include "sluice/track/detail/frame_clock.h"
#include "sluice/track/detail/geometry.h"
#include "sluice/track/detail/kalman.h"

namespace sluice::track::detail {

// Motion models: what a target's box is now, given what was seen of it. Each has
//   start(box)           the first observation
//   predict(step, lost)  time passes; `lost`: the last frame looked at did not show it
//   correct(box)         it was seen
//   box()                where it is
//   reported()           the box to tell the user after correct()

/// Stays where it was last seen.
class StillMotion {
public:
    void start(const Edges& box) { box_ = box; }
    void predict(const Step&, bool /*lost*/) {}
    void correct(const Edges& box) { box_ = box; }
    Edges box() const { return box_; }
    Edges reported() const { return box_; }

private:
    Edges box_;
};

/// Constant velocity of center and area, constant aspect ratio: Bewley et al., "Simple online and
/// realtime tracking", ICIP 2016, section 3.2. Noise as in its authors' code.
class AreaMotion {
public:
    void start(const Edges& box);
    void predict(const Step& step, bool lost);
    void correct(const Edges& box);
    Edges box() const;
    Edges reported() const { return box(); }

private:
    AxisFilter x_;
    AxisFilter y_;
    AxisFilter area_;
    AxisFilter aspect_;
};

/// Constant velocity of center, aspect ratio and height, with noise in proportion to the height:
/// Wojke et al., "Simple online and realtime tracking with a deep association metric", ICIP 2017,
/// section 2.1, as ByteTrack uses it.
class HeightMotion {
public:
    void start(const Edges& box);
    void predict(const Step& step, bool lost);
    void correct(const Edges& box);
    Edges box() const;
    Edges reported() const { return box(); }

private:
    AxisFilter x_;
    AxisFilter y_;
    AxisFilter aspect_;
    AxisFilter height_;
};

}  // namespace sluice::track::detail
