#include "sluice/tuner/samples.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "sluice/app/sources.h"

namespace sluice::tuner {
namespace {

/// Least difference between pixels of a picture that shows something. Decoders make a little of
/// nothing.
constexpr float kLeastSpread = 8;
/// Fewer pictures can be calibrated with, but a judgement on them means little.
constexpr std::size_t kFew = 4;

Result<std::vector<app::Source>> expand(const std::vector<std::string>& words) {
    std::vector<app::SourceDescription> descriptions(words.size());
    for (std::size_t i = 0; i < words.size(); ++i)
        descriptions[i].source.uri = words[i];
    return app::expand_sources(descriptions);
}

std::size_t hash_of(const Sample& sample) {
    return std::hash<std::string_view>()(
        {reinterpret_cast<const char*>(sample.input.data()), sample.input.size()});
}

Result<void> check(SampleSet& set) {
    if (set.samples.empty())
        return not_found(set.warnings.empty() ? "no picture could be read" : set.warnings.front(),
                         set.from);
    const auto dull = std::count_if(set.samples.begin(), set.samples.end(), [](const Sample& s) {
        return s.spread < kLeastSpread;
    });
    if (static_cast<std::size_t>(dull) == set.samples.size())
        return invalid_argument(
            fmt::format("all {} pictures are of one colour: ranges of such say nothing; give "
                        "pictures of what the model is for",
                        dull),
            set.from);
    if (dull > 0)
        set.warnings.push_back(
            fmt::format("{} of {} pictures are of one colour", dull, set.samples.size()));
    if (set.samples.size() < kFew)
        set.warnings.push_back(fmt::format(
            "{} picture{} can neither teach nor judge: give 16 or more, as different as the "
            "model's work is",
            set.samples.size(),
            set.samples.size() == 1 ? "" : "s"));
    return {};
}

}  // namespace

Result<SampleSet> read_samples(Subject& subject,
                               const std::vector<std::string>& words,
                               int most,
                               Progress& progress) {
    SampleSet set;
    set.from = fmt::format("{}", fmt::join(words, ", "));
    const std::vector<app::Source> sources = SLUICE_TRY(expand(words));
    std::unordered_set<std::size_t> different;
    int equal = 0;
    for (const app::Source& source : sources) {
        const std::size_t begin = set.samples.size();
        int seen = 0;
        auto take = [&](const app::Picture& picture) -> Result<void> {
            SLUICE_TRY(progress.step("reading " + source.shown, seen++, most));
            Sample sample = SLUICE_TRY(subject.prepare(picture));
            if (different.insert(hash_of(sample)).second)
                set.samples.push_back(std::move(sample));
            else
                ++equal;
            return {};
        };
        const app::PicturesRead read = SLUICE_TRY(app::read_pictures(source, most, take));
        if (read.unreadable > 0)
            set.warnings.push_back(fmt::format("{} of {} images could not be read; the first: {}",
                                               read.unreadable,
                                               read.unreadable + read.taken,
                                               read.first_reason));
        // Neighbours in a source are alike: halves tell more of how a range does on what is new
        // than every second one would.
        const std::size_t count = set.samples.size() - begin;
        for (std::size_t i = 0; i < count; ++i)
            set.samples[begin + i].half = static_cast<int>(2 * i / count);
    }
    if (equal > 0)
        set.warnings.push_back(
            fmt::format("{} of {} pictures are the same as others (a frozen stream?) and left out",
                        equal,
                        static_cast<std::size_t>(equal) + set.samples.size()));
    SLUICE_TRY(check(set));
    return set;
}

std::vector<const Sample*> thin(const std::vector<Sample>& samples, std::size_t most) {
    const std::size_t wanted = std::min(samples.size(), most);
    std::vector<const Sample*> out;
    for (std::size_t i = 0; i < wanted; ++i)
        out.push_back(&samples[i * samples.size() / wanted]);
    return out;
}

std::vector<Answer> answers_to(const std::vector<const Sample*>& some,
                               const std::vector<Sample>& all,
                               std::span<const Answer> answers) {
    std::vector<Answer> out;
    for (const Sample* sample : some)
        out.push_back(answers[static_cast<std::size_t>(sample - all.data())]);
    return out;
}

}  // namespace sluice::tuner
