#include <chrono>

#include <fmt/format.h>

#include "sluice/base/replace_file.h"
#include "sluice/infer/backends/cuda/build_network.h"
#include "sluice/infer/backends/cuda/compile.h"
#include "sluice/infer/backends/cuda/device_facts.h"
#include "sluice/infer/backends/cuda/measure.h"

namespace sluice::infer::cuda {
namespace {

using memory::cuda::Stream;

/// A layer's time comes from this many runs of it.
constexpr int kLayerRuns = 20;

std::size_t bytes_of(const Network& network, const NetworkMemory& memory) {
    std::size_t bytes = network.weight_bytes() + memory.arena.bytes() + memory.workspace.bytes();
    for (const auto* buffers : {&memory.kept, &memory.inputs, &memory.outputs}) {
        for (const auto& buffer : *buffers)
            bytes += buffer.bytes();
    }
    return bytes;
}

Result<BatchTime> measure(const Network& network, int batch, bool layers) {
    BatchTime time;
    time.batch = batch;
    const NetworkMemory memory = SLUICE_TRY(network.allocate());
    time.memory_bytes = bytes_of(network, memory);
    for (const auto& input : memory.inputs)
        SLUICE_TRY(fill_with_pixels(input));
    const Stream stream = SLUICE_TRY(Stream::create());
    const ExecutableGraph graph =
        SLUICE_TRY(captured(stream, [&] { return network.enqueue(memory, stream); }));
    time.milliseconds = SLUICE_TRY(time_of(graph, stream));
    time.images_per_second = batch / time.milliseconds * 1000;
    if (layers) time.layers = SLUICE_TRY(network.profile(memory, stream, kLayerRuns));
    return time;
}

/// Why the file is made anew, where there is one that would not have been used.
void say_if_stale(const std::string& path,
                  const EngineMaking& wanted,
                  const std::function<void(const std::string&)>& say) {
    auto old = EngineFile::read(path);
    if (!say || (!old && old.error().code == ErrorCode::kNotFound)) return;
    const std::string why = old ? old->stale(wanted) : old.error().message;
    if (!why.empty()) say(fmt::format("{}: made anew: {}", path, why));
}

}  // namespace

Result<EngineBuild> build(const std::string& path,
                          const ov::Model& model,
                          const EngineOptions& asked,
                          const InputAdaptation& adaptation,
                          const BuildOptions& build,
                          int device) {
    SLUICE_TRY(memory::cuda::use_device(device));
    const std::string gpu = SLUICE_TRY(gpu_name(device));
    DecidedPrecision decided = SLUICE_TRY(decide(path, model, asked, gpu));
    EngineOptions& options = decided.options;
    PlanOptions plans = plan_options(path, options);
    plans.progress = build.progress;
    if (build.stuck) plans.stuck = build.stuck;
    EngineFile file;
    file.made = SLUICE_TRY(making_of(path, options, adaptation, device, build.batches));
    file.source = whole_path(path);
    EngineBuild result;
    result.file = build.file.empty() ? engine_file_beside(path, file.made.precision) : build.file;
    if (build.file.empty()) SLUICE_TRY(check_replaceable(result.file, "the engine file"));
    // Whoever had it before us left what it timed in the plan cache.
    const FileLock lock = lock_engine(default_engine_cache(), path, file.made);
    say_if_stale(result.file, file.made, build.progress);
    result.device = file.made.gpu;
    const auto type = file.made.precision == "int8"   ? memory::ElementType::kI8
                      : file.made.precision == "fp16" ? memory::ElementType::kF16
                                                      : memory::ElementType::kF32;
    const Peaks peaks = SLUICE_TRY(peaks_of(device, type, options.tf32));
    result.peak_tflops = peaks.tflops;
    result.peak_gigabytes_per_second = peaks.gigabytes_per_second;
    for (int batch : build.batches) {
        const auto begin = std::chrono::steady_clock::now();
        options.batch_size = batch;
        const BuiltNetwork built =
            SLUICE_TRY(build_network(path, model, options, adaptation, device, plans));
        const std::chrono::duration<double> ready = std::chrono::steady_clock::now() - begin;
        result.precision = built.precision;
        result.batches.push_back(SLUICE_TRY(measure(*built.network, batch, build.layers)));
        result.batches.back().ready_seconds = ready.count();
        file.plans.insert(built.network->plan_names().begin(), built.network->plan_names().end());
    }
    SLUICE_TRY(file.write(result.file));
    return result;
}

}  // namespace sluice::infer::cuda
