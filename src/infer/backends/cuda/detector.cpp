#include "sluice/infer/backends/cuda/detector.h"

#include <algorithm>
#include <cstring>

#include "sluice/infer/backends/cuda/upload.h"
#include "sluice/infer/heads/decode.h"

namespace sluice::infer::cuda {
namespace {

using memory::cuda::Buffer;
using memory::cuda::check;
using memory::cuda::Stream;

/// Before the items' states; keeps them aligned.
constexpr std::size_t kHeader = sizeof(ItemState);
/// What there is room for; with more, a crowd is clustered in order of score.
constexpr int kPairsOfEach = 16;
/// From about so many on, that is the faster way.
constexpr int kPairsOfDense = 8;

Result<Buffer> uploaded(const std::vector<float>& numbers) {
    Buffer buffer =
        SLUICE_TRY(Buffer::create(Buffer::Kind::kDevice, numbers.size() * sizeof(float)));
    SLUICE_TRY(upload(numbers.data(), buffer, "copying thresholds to the device"));
    return buffer;
}

/// Along a side of the grid, so that it fits the bins.
int cells_of(int groups) {
    int side = 1;
    while (groups * kSizeLevels * 4 * side * side <= kBins)
        side *= 2;
    return side;
}

template <class T>
T* as(const Buffer& buffer, std::size_t offset = 0) {
    return reinterpret_cast<T*>(buffer.data() + offset);
}

}  // namespace

Result<Detector> Detector::create(std::span<const TensorSpec> outputs,
                                  const HeadLayout& layout,
                                  const Clustering& clustering) {
    Detector detector;
    detector.decode_ = SLUICE_TRY(decode_args(outputs, layout, clustering.lowest));
    detector.batch_ = static_cast<int>(outputs[layout.parts[0]].shape[0]);
    constexpr int kStep = 16;  // where a box begins at a multiple of 128 bytes
    detector.capacity_ =
        std::min((detector.decode_.cells + kStep - 1) / kStep * kStep, kMostCandidates);
    std::vector<float> thresholds = clustering.thresholds;
    if (detector.decode_.form == CellForm::kPeaks &&
        detector.decode_.score == ScoreForm::kSigmoid) {
        for (float& threshold : thresholds)
            threshold = heads::logit(std::min(threshold, 1.f));
    }
    detector.thresholds_ = SLUICE_TRY(uploaded(thresholds));
    detector.iou_thresholds_ = SLUICE_TRY(uploaded(clustering.iou_thresholds));
    detector.decode_.thresholds = as<float>(detector.thresholds_);
    detector.cluster_.iou_thresholds = as<float>(detector.iou_thresholds_);
    detector.cluster_.suppresses = clustering.mode == ClusterMode::kNms;
    detector.cluster_.per_class = clustering.scope == Nms::Scope::kPerClass;
    detector.cluster_.least_threshold =
        *std::min_element(clustering.iou_thresholds.begin(), clustering.iou_thresholds.end());
    if (detector.cluster_.per_class)
        detector.cluster_.groups = std::min(detector.decode_.classes, kMostGroups);
    detector.cluster_.side = cells_of(detector.cluster_.groups);
    detector.cluster_.pair_capacity = kPairsOfEach * detector.capacity_;
    detector.cluster_.most_meetings = 2 * kPairsOfDense;
    return detector;
}

Result<DetectorMemory> Detector::allocate() const {
    const auto items = static_cast<std::size_t>(batch_);
    const std::size_t state = kHeader + items * sizeof(ItemState);
    const std::size_t places = items * static_cast<std::size_t>(capacity_);
    constexpr auto kPinned = Buffer::Kind::kPinnedHost;
    constexpr auto kDevice = Buffer::Kind::kDevice;
    DetectorMemory memory;
    memory.before = SLUICE_TRY(Buffer::create(kPinned, state));
    memory.state = SLUICE_TRY(Buffer::create(kDevice, state));
    memory.after = SLUICE_TRY(Buffer::create(kPinned, items * sizeof(ItemResult)));
    memory.candidates = SLUICE_TRY(Buffer::create(kDevice, places * sizeof(FoundBox)));
    memory.grids = SLUICE_TRY(Buffer::create(kDevice, items * sizeof(CellGrid)));
    memory.firsts = SLUICE_TRY(Buffer::create(kDevice, items * kFirsts * sizeof(unsigned short)));
    memory.edges = SLUICE_TRY(Buffer::create(kDevice, places * sizeof(Edges)));
    memory.traits = SLUICE_TRY(Buffer::create(kDevice, places * sizeof(Traits)));
    memory.order = SLUICE_TRY(Buffer::create(kDevice, places * sizeof(unsigned long long)));
    memory.pairs = SLUICE_TRY(Buffer::create(kDevice, places * kPairsOfEach * sizeof(unsigned)));
    memory.teams = SLUICE_TRY(Buffer::create(kDevice, items * sizeof(TeamState)));
    memory.kept = SLUICE_TRY(Buffer::create(kPinned, places * sizeof(FoundBox)));
    std::memset(memory.before.data(), 0, state);
    std::memset(memory.after.data(), 0, memory.after.bytes());
    set_count(memory, batch_);
    return memory;
}

void Detector::set_count(const DetectorMemory& memory, int count) {
    *as<int>(memory.before) = count;
}

Result<void> Detector::enqueue(std::span<const Buffer> outputs,
                               const DetectorMemory& memory,
                               const Stream& stream) const {
    Candidates candidates;
    candidates.count = as<int>(memory.state);
    candidates.items = as<ItemState>(memory.state, kHeader);
    candidates.boxes = as<FoundBox>(memory.candidates);
    candidates.capacity = capacity_;
    candidates.classes = static_cast<unsigned>(decode_.classes);
    DecodeArgs decode = decode_;
    for (std::size_t i = 0; i < outputs.size(); ++i)
        decode.data[i] = as<float>(outputs[i]);
    decode.out = candidates;
    ClusterArgs cluster = cluster_;
    cluster.in = candidates;
    cluster.grids = as<CellGrid>(memory.grids);
    cluster.firsts = as<unsigned short>(memory.firsts);
    cluster.edges = as<Edges>(memory.edges);
    cluster.traits = as<Traits>(memory.traits);
    cluster.order = as<unsigned long long>(memory.order);
    cluster.pairs = as<unsigned>(memory.pairs);
    cluster.teams = as<TeamState>(memory.teams);
    cluster.kept = as<FoundBox>(memory.kept);
    cluster.results = as<ItemResult>(memory.after);

    SLUICE_TRY(check(cudaMemcpyAsync(memory.state.data(),
                                     memory.before.data(),
                                     memory.before.bytes(),
                                     cudaMemcpyHostToDevice,
                                     stream.get()),
                     "queueing the detector's state"));
    launch_decode(decode, batch_, stream.get());
    SLUICE_TRY(check(cudaGetLastError(), "queueing the decoding of the outputs"));
    launch_cluster(cluster, batch_, stream.get());
    return check(cudaGetLastError(), "queueing the clustering of boxes");
}

bool Detector::read(const DetectorMemory& memory,
                    int item,
                    std::vector<meta::Detection>& found) const {
    found.clear();
    const auto place = static_cast<std::size_t>(item);
    const ItemResult& result = as<ItemResult>(memory.after)[place];
    if (result.undecided != 0) return false;
    FoundBox* boxes = as<FoundBox>(memory.kept) + place * static_cast<std::size_t>(capacity_);
    read_boxes({boxes, static_cast<std::size_t>(result.kept)},
               static_cast<unsigned>(decode_.classes),
               found);
    return true;
}

void read_boxes(std::span<FoundBox> boxes, unsigned classes, std::vector<meta::Detection>& found) {
    std::sort(boxes.begin(), boxes.end(), [](const FoundBox& a, const FoundBox& b) {
        return a.score != b.score ? a.score > b.score : a.id < b.id;
    });
    for (const FoundBox& box : boxes) {
        found.push_back({{box.left, box.top, box.width, box.height},
                         box.score,
                         meta::ClassId(static_cast<int>(box.id % classes)),
                         Name()});
    }
}

}  // namespace sluice::infer::cuda
