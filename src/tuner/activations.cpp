#include "sluice/tuner/activations.h"

#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/text.h"

namespace sluice::tuner {
namespace {

/// An engine keeps the tensors that it shows; so much memory they may take at once.
constexpr std::size_t kMostBytes = std::size_t{512} << 20;

std::vector<std::string> tensors_of(const std::vector<infer::QuantizableLayer>& layers) {
    std::set<std::string> seen;
    std::vector<std::string> out;
    for (const infer::QuantizableLayer& layer : layers) {
        if (seen.insert(layer.input).second) out.push_back(layer.input);
    }
    return out;
}

std::string entry_name(const std::string& tensor, std::size_t part) {
    return fmt::format("numbers {} of {}", part, tensor);
}
std::string means_name(const std::string& tensor) {
    return "means of " + tensor;
}

Result<std::vector<float>> read_means(const std::string& text) {
    std::vector<float> out;
    for (std::string_view word : split(text, ' '))
        out.push_back(static_cast<float>(SLUICE_TRY(parse_number(word))));
    return out;
}

float mean_of(std::span<const float> numbers) {
    double sum = 0;
    for (float number : numbers)
        sum += number;
    return numbers.empty() ? 0 : static_cast<float>(sum / static_cast<double>(numbers.size()));
}

/// Tensors from `begin` on that an engine may show at once, and the engine.
struct Group {
    std::unique_ptr<infer::Engine> engine;
    std::size_t size = 0;
};
Result<Group> next_group(Subject& subject,
                         const std::vector<std::string>& names,
                         std::size_t begin) {
    // The first engine is asked for all; it tells how large they are.
    std::vector<std::string> group(names.begin() + static_cast<std::ptrdiff_t>(begin), names.end());
    auto engine = SLUICE_TRY(subject.observe(group, nullptr));
    const std::span<const infer::TensorSpec> taps = engine->outputs().last(group.size());
    std::size_t bytes = 0;
    std::size_t fits = 0;
    for (; fits < group.size(); ++fits) {
        bytes += taps[fits].item_bytes();
        if (fits > 0 && bytes > kMostBytes) break;
    }
    if (fits == group.size()) return Group{std::move(engine), fits};
    group.resize(fits);
    return Group{SLUICE_TRY(subject.observe(group, nullptr)), fits};
}

}  // namespace

Result<Activations> Activations::collect(Subject& subject,
                                         const std::vector<Sample>& samples,
                                         const std::vector<infer::QuantizableLayer>& layers,
                                         Journal& journal,
                                         Progress& progress) {
    Activations out;
    const std::vector<std::string> names = tensors_of(layers);
    out.means_.resize(names.size());
    std::size_t kept = 0;  // tensors that the journal has: always the first ones
    for (const std::string& name : names) {
        Parts& parts = out.tensors_.emplace_back(Parts{
            infer::RangeCollector(name), infer::RangeCollector(name), infer::RangeCollector(name)});
        const std::string* means = journal.find(means_name(name));
        if (!means) continue;
        out.means_[kept++] = SLUICE_TRY(read_means(*means));
        for (std::size_t part = 0; part < kParts; ++part) {
            const std::string* numbers = journal.find(entry_name(name, part));
            if (numbers) parts[part] = SLUICE_TRY(infer::RangeCollector::load(*numbers));
        }
    }
    const std::vector<const Sample*> all = pointers(samples);
    for (std::size_t begin = kept; begin < names.size();) {
        const Group group = SLUICE_TRY(next_group(subject, names, begin));
        auto visit = [&](std::size_t s,
                         std::span<const memory::TensorView> outputs) -> Result<void> {
            SLUICE_TRY(progress.step("collecting what the layers read",
                                     static_cast<int>(s),
                                     static_cast<int>(all.size())));
            auto added = out.add(begin, *all[s], outputs.last(group.size));
            if (!added) return std::move(added).error().context(all[s]->name);
            return {};
        };
        SLUICE_TRY(subject.run(*group.engine, all, visit));
        for (std::size_t i = begin; i < begin + group.size; ++i) {
            Parts& parts = out.tensors_[i];
            for (Part half : {Part::kFirstHalf, Part::kSecondHalf})
                parts[static_cast<std::size_t>(Part::kAll)].add(
                    parts[static_cast<std::size_t>(half)]);
            SLUICE_TRY(out.keep(i, journal));
        }
        begin += group.size;
    }
    return out;
}

Result<void> Activations::add(std::size_t begin,
                              const Sample& sample,
                              std::span<const memory::TensorView> seen) {
    for (std::size_t i = 0; i < seen.size(); ++i) {
        Parts& parts = tensors_[begin + i];
        const std::span<const float> numbers = seen[i].floats();
        SLUICE_TRY(parts[static_cast<std::size_t>(sample.half)].add(numbers));
        means_[begin + i].push_back(mean_of(numbers));
    }
    return {};
}

/// The means last: where they are, all is.
Result<void> Activations::keep(std::size_t i, Journal& journal) const {
    for (const infer::RangeCollector& numbers : tensors_[i]) {
        const auto part = static_cast<std::size_t>(&numbers - tensors_[i].data());
        SLUICE_TRY(journal.keep(entry_name(numbers.tensor(), part), numbers.save()));
    }
    return journal.keep(means_name(tensors_[i][0].tensor()),
                        fmt::format("{}", fmt::join(means_[i], " ")));
}

infer::UsualMean Activations::usual(std::size_t i) const {
    const float mean = mean_of(means_[i]);
    double squares = 0;
    for (float one : means_[i])
        squares += static_cast<double>(one - mean) * (one - mean);
    const double count = static_cast<double>(means_[i].size());
    return {tensors_[i][0].tensor(),
            mean,
            static_cast<float>(count > 1 ? std::sqrt(squares / (count - 1)) : 0)};
}

}  // namespace sluice::tuner
