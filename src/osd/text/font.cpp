#include "sluice/osd/text/font.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <utility>

#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>

namespace sluice::osd {
namespace {

constexpr char kFirstAscii = ' ';
constexpr char kLastAscii = '~';
constexpr std::size_t kAsciiLetters = kLastAscii - kFirstAscii + 1;

struct Unref {
    void operator()(void* object) const { g_object_unref(object); }
    void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
    void operator()(cairo_font_options_t* options) const { cairo_font_options_destroy(options); }
    void operator()(PangoFontDescription* font) const { pango_font_description_free(font); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;

/// One letter or one whole text, rasterised.
struct Raster {
    memory::Size extent;  ///< advance and line height
    GlyphMask mask;       ///< `coverage` is set when it is handed out
    std::vector<std::uint8_t> coverage;
    std::uint64_t last_used = 0;

    GlyphMask placed(int left) const {
        GlyphMask out = mask;
        out.left += left;
        out.coverage = coverage.data();
        return out;
    }
};

struct Letters {
    int px = 0;
    std::uint64_t last_used = 0;
    std::array<Raster, kAsciiLetters> letter;
};

bool is_ascii(std::string_view text) {
    return std::all_of(
        text.begin(), text.end(), [](char c) { return c >= kFirstAscii && c <= kLastAscii; });
}

/// The text's beginning, no letter cut in two.
std::string_view cut(std::string_view text) {
    if (text.size() <= Font::kMostTextBytes) return text;
    std::size_t end = Font::kMostTextBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
        --end;
    return text.substr(0, end);
}

bool any_font_installed() {
    FcFontSet* fonts = FcConfigGetFonts(FcConfigGetCurrent(), FcSetSystem);
    return fonts != nullptr && fonts->nfont > 0;
}

}  // namespace

struct Font::State {
    Owned<PangoFontMap> map;
    Owned<PangoContext> context;
    Owned<PangoLayout> layout;
    Owned<PangoFontDescription> description;
    std::vector<std::unique_ptr<Letters>> sizes;
    std::unordered_map<std::string, Raster> texts;
    std::size_t text_bytes = 0;
    std::uint64_t clock = 0;
    std::uint64_t masks = 0;  ///< made so far
    std::string key;

    Raster rasterise(std::string_view text, int px);
    Letters& letters(int px);
    const Raster& whole(std::string_view text, int px);
    void make_room();
};

Font::Font(std::unique_ptr<State> state) : state_(std::move(state)) {}
Font::~Font() = default;

Result<std::unique_ptr<Font>> Font::create(const std::string& name) {
    // Pango ends the process when it is asked for text without any font.
    if (!any_font_installed()) {
        return not_found(
            "no font is installed, so no text can be drawn; install one (Debian, Ubuntu: apt-get "
            "install fonts-dejavu-core) or switch display-text off");
    }
    auto state = std::make_unique<State>();
    state->map.reset(pango_cairo_font_map_new());
    state->context.reset(pango_font_map_create_context(state->map.get()));
    Owned<cairo_font_options_t> options(cairo_font_options_create());
    cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_SLIGHT);
    cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_ON);
    pango_cairo_context_set_font_options(state->context.get(), options.get());
    state->layout.reset(pango_layout_new(state->context.get()));
    state->description.reset(pango_font_description_from_string(name.c_str()));
    return std::unique_ptr<Font>(new Font(std::move(state)));
}

Raster Font::State::rasterise(std::string_view text, int px) {
    pango_font_description_set_absolute_size(description.get(), px * double{PANGO_SCALE});
    pango_layout_set_font_description(layout.get(), description.get());
    std::unique_ptr<char, void (*)(void*)> valid(
        g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())), g_free);
    pango_layout_set_text(layout.get(), valid.get(), -1);
    PangoRectangle ink;
    PangoRectangle logical;
    pango_layout_get_pixel_extents(layout.get(), &ink, &logical);

    Raster out;
    out.extent = {logical.width, logical.height};
    if (ink.width <= 0 || ink.height <= 0) return out;
    out.mask.id = ++masks;
    out.mask.left = ink.x - logical.x;
    out.mask.top = ink.y - logical.y;
    out.mask.width = std::min(ink.width, kMostMaskWidth);
    out.mask.height = std::min(ink.height, kMostMaskHeight);
    Owned<cairo_surface_t> surface(
        cairo_image_surface_create(CAIRO_FORMAT_A8, out.mask.width, out.mask.height));
    Owned<cairo_t> cairo(cairo_create(surface.get()));
    cairo_translate(cairo.get(), -ink.x, -ink.y);
    pango_cairo_show_layout(cairo.get(), layout.get());
    cairo_surface_flush(surface.get());

    const unsigned char* from = cairo_image_surface_get_data(surface.get());
    int stride = cairo_image_surface_get_stride(surface.get());
    auto width = static_cast<std::size_t>(out.mask.width);
    out.coverage.resize(width * static_cast<std::size_t>(out.mask.height));
    for (int y = 0; from != nullptr && y < out.mask.height; ++y) {
        std::memcpy(out.coverage.data() + static_cast<std::size_t>(y) * width,
                    from + static_cast<std::ptrdiff_t>(y) * stride,
                    width);
    }
    return out;
}

/// The letters of one size; the size that was not used for longest makes room for a new one.
Letters& Font::State::letters(int px) {
    for (auto& known : sizes) {
        if (known->px == px) return *known;
    }
    if (sizes.size() >= kMostSizes) {
        sizes.erase(std::min_element(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) {
            return a->last_used < b->last_used;
        }));
    }
    auto fresh = std::make_unique<Letters>();
    fresh->px = px;
    for (std::size_t i = 0; i < kAsciiLetters; ++i) {
        char letter = static_cast<char>(kFirstAscii + static_cast<int>(i));
        fresh->letter[i] = rasterise({&letter, 1}, px);
    }
    sizes.push_back(std::move(fresh));
    return *sizes.back();
}

void Font::State::make_room() {
    while (!texts.empty() && (texts.size() > kMostTexts || text_bytes > kMostTextMaskBytes)) {
        auto oldest =
            std::min_element(texts.begin(), texts.end(), [](const auto& a, const auto& b) {
                return a.second.last_used < b.second.last_used;
            });
        text_bytes -= oldest->second.coverage.size();
        texts.erase(oldest);
    }
}

const Raster& Font::State::whole(std::string_view text, int px) {
    key.assign(text);
    key.push_back(static_cast<char>(px));
    auto known = texts.find(key);
    if (known == texts.end()) {
        known = texts.emplace(key, rasterise(text, px)).first;
        known->second.last_used = clock;
        text_bytes += known->second.coverage.size();
        make_room();
    }
    known->second.last_used = clock;
    return known->second;
}

memory::Size Font::lay_out(std::string_view text, int px, std::vector<GlyphMask>& masks) {
    masks.clear();
    px = std::clamp(px, kLeastPx, kMostPx);
    text = cut(text);
    ++state_->clock;
    if (!is_ascii(text)) {
        const Raster& raster = state_->whole(text, px);
        if (!raster.coverage.empty()) masks.push_back(raster.placed(0));
        return raster.extent;
    }
    Letters& letters = state_->letters(px);
    letters.last_used = state_->clock;
    memory::Size extent{0, letters.letter.front().extent.height};
    for (char c : text) {
        const Raster& raster = letters.letter[static_cast<std::size_t>(c - kFirstAscii)];
        if (!raster.coverage.empty()) masks.push_back(raster.placed(extent.width));
        extent.width += raster.extent.width;
    }
    return extent;
}

std::size_t Font::cached_sizes() const {
    return state_->sizes.size();
}

std::size_t Font::cached_texts() const {
    return state_->texts.size();
}

}  // namespace sluice::osd
