#pragma once

#include <span>
#include <string>
#include <vector>

#include "sluice/tuner/progress.h"
#include "sluice/tuner/subject.h"

namespace sluice::tuner {

/// Pictures of the user's, prepared for the network.
struct SampleSet {
    std::vector<Sample> samples;
    std::string from;                   ///< for people: what the user named
    std::vector<std::string> warnings;  ///< for people: what may make them teach little
};

/// Reads at most `most` pictures from each of the words that the user gave (files, folders,
/// patterns, URIs, as `sluice run` takes them). Of equal ones it keeps the first: the others teach
/// nothing, and what they judge is known. Errors: no picture at all, and pictures that are of
/// one colour each, for ranges of such say nothing.
Result<SampleSet> read_samples(Subject& subject,
                               const std::vector<std::string>& words,
                               int most,
                               Progress& progress);

/// Every so many-th, so that at most `most` are left.
std::vector<const Sample*> thin(const std::vector<Sample>& samples, std::size_t most);
/// Samples that are enough to compare layers by.
inline constexpr std::size_t kEnoughForLayers = 8;

/// What was answered to some of the samples, of the answers to all.
std::vector<Answer> answers_to(const std::vector<const Sample*>& some,
                               const std::vector<Sample>& all,
                               std::span<const Answer> answers);

}  // namespace sluice::tuner
