#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>

#include <cuda_fp16.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openvino/runtime/core.hpp>

#include "sluice/base/log.h"
#include "sluice/base/text.h"
#include "sluice/infer/backends/cuda/capture.h"
#include "sluice/infer/backends/cuda/fuse.h"
#include "sluice/infer/backends/cuda/import.h"
#include "sluice/infer/backends/cuda/measure.h"
#include "sluice/infer/backends/cuda/network.h"
#include "sluice/infer/backends/cuda/reference.h"
#include "sluice/infer/backends/openvino/prepare.h"
#include "sluice/infer/backends/openvino/quantize.h"

/// The engine alone: images a second from device memory to device memory, and each layer's part.
///
///   infer_cuda_profile MODEL [batch=1,8,32,64] [precision=int8|fp16|tf32|fp32] [tuned=CACHE]
///                      [table=FILE] [check=FOLDER] [verify=yes] [stem=never|always]
///                      [ranges=made-up] [own=never]
///
/// int8 needs a calibration beside the model; with ranges=made-up every tensor spans -8 to 8, which
/// is good enough for how fast it is.
/// check: FOLDER has input.bin and output0.bin, output1.bin, ... (fp32, one item), which the
/// results for the first and last item of each batch are compared with. verify: each step is judged
/// by the reference; only those that are wrong are shown.
namespace sluice::infer::cuda {
namespace {

using memory::ElementType;
using memory::cuda::Stream;
using Words = std::map<std::string, std::string>;

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<float> read_floats(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::vector<float> numbers(bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(float));
    return numbers;
}

/// Depthwise layers and the last ones of heads stay in float, as `sluice calibrate` has it.
Calibration made_up_calibration(const ov::Model& model) {
    Calibration calibration;
    for (const QuantizableLayer& layer : quantizable_layers(model)) {
        if (layer.depthwise || layer.last) {
            calibration.float_layers.push_back({layer.name, "made up"});
        } else {
            calibration.tensors.push_back({layer.input, -8.0f * 128 / 127, 8.0f});
        }
    }
    return calibration;
}

struct Built {
    std::unique_ptr<Network> network;
    NetworkMemory memory;
    Stream stream;
    ExecutableGraph graph;
    int batch = 1;
};

Result<Built> build(const std::string& path, const Words& words, int batch) {
    static ov::Core& core = *new ov::Core;
    InputAdaptation adaptation;
    if (words.contains("check")) {
        adaptation.type = ElementType::kF32;
    } else {
        adaptation.scale = {1.0f / 255.0f};
    }
    auto model = core.read_model(path);
    auto prepared = SLUICE_TRY(prepare(path, *model, adaptation, batch));
    const std::string precision = words.at("precision");
    const bool int8 = precision == "int8";
    if (int8) {
        EngineOptions engine;
        if (words.contains("ranges"))
            engine.calibration =
                std::make_shared<const Calibration>(made_up_calibration(*prepared.model));
        SLUICE_TRY(make_int8(path, engine, *prepared.model));
    }
    Graph graph = SLUICE_TRY(import_model(*prepared.model));
    fuse(graph);
    Network::Options options;
    options.tf32 = precision == "tf32";
    options.plans.tuned = words.contains("tuned");
    if (options.plans.tuned) options.plans.cache = words.at("tuned");
    if (words.contains("stem"))
        options.own_kernels =
            words.at("stem") == "never" ? OwnKernels::kNever : OwnKernels::kAlways;
    options.plans.own = !words.contains("own") || words.at("own") != "never";
    options.plans.progress = [](const std::string& text) { fmt::print(stderr, "{}\n", text); };
    options.plans.stuck = [](const std::string& text) {
        fmt::print(stderr, "{}\n", text);
        std::_Exit(1);
    };
    Built built;
    built.batch = prepared.batch;
    const ElementType type = int8 || precision == "fp16" ? ElementType::kF16 : ElementType::kF32;
    built.network = SLUICE_TRY(Network::create(lower(std::move(graph), type, int8), options));
    built.memory = SLUICE_TRY(built.network->allocate());
    built.stream = SLUICE_TRY(Stream::create());
    built.graph = SLUICE_TRY(
        captured(built.stream, [&] { return built.network->enqueue(built.memory, built.stream); }));
    return built;
}

Result<void> compare(const Built& built, const std::string& folder) {
    const auto input = read_floats(folder + "/input.bin");
    const std::size_t bytes = input.size() * sizeof(float);
    for (int item = 0; item < built.batch; ++item) {
        SLUICE_TRY(memory::cuda::check(
            cudaMemcpy(built.memory.inputs[0].data() + static_cast<std::size_t>(item) * bytes,
                       input.data(),
                       bytes,
                       cudaMemcpyHostToDevice),
            "copying the input"));
    }
    for (const auto& output : built.memory.outputs)
        cudaMemset(output.data(), 0xff, output.bytes());  // NaN where nothing is written
    cudaDeviceSynchronize();  // the stream does not wait for what is set outside of it
    SLUICE_TRY(launch(built.graph, built.stream));
    SLUICE_TRY(built.stream.wait());
    for (std::size_t i = 0; i < built.memory.outputs.size(); ++i) {
        const auto wanted = read_floats(fmt::format("{}/output{}.bin", folder, i));
        for (int item : {0, built.batch - 1}) {
            std::vector<float> got(wanted.size());
            cudaMemcpy(got.data(),
                       built.memory.outputs[i].data() +
                           static_cast<std::size_t>(item) * wanted.size() * sizeof(float),
                       wanted.size() * sizeof(float),
                       cudaMemcpyDeviceToHost);
            double error = 0, norm = 0, worst = 0;
            for (std::size_t j = 0; j < wanted.size(); ++j) {
                const double difference = got[j] - wanted[j];
                error += difference * difference;
                norm += static_cast<double>(wanted[j]) * wanted[j];
                worst = std::max(worst, std::isnan(difference) ? INFINITY : std::fabs(difference));
            }
            fmt::print("  output {} item {}: |difference| / |reference| {:.2e}, largest {:.3e}\n",
                       i,
                       item,
                       std::sqrt(error / norm),
                       worst);
        }
    }
    return {};
}

/// The numbers of a view, in row-major order.
std::vector<float> download(const Built& built, const View& view) {
    const Storage& storage = built.network->program().storage(view);
    const std::size_t size = memory::element_size(storage.type);
    std::vector<std::byte> bytes(static_cast<std::size_t>(storage.elements) * size);
    cudaMemcpy(bytes.data(),
               built.memory.storages[static_cast<std::size_t>(view.storage)],
               bytes.size(),
               cudaMemcpyDeviceToHost);
    std::vector<float> numbers;
    std::vector<std::int64_t> place(view.extents.size(), 0);
    for (std::int64_t i = 0; i < memory::element_count(view.extents); ++i) {
        std::int64_t index = view.offset;
        for (std::size_t d = 0; d < place.size(); ++d)
            index += place[d] * view.strides[d];
        const std::byte* from = bytes.data() + static_cast<std::size_t>(index) * size;
        float number = 0;
        if (storage.type == ElementType::kF16) {
            __half half{};
            std::memcpy(&half, from, sizeof half);
            number = __half2float(half);
        } else if (storage.type == ElementType::kU8) {
            number = static_cast<float>(static_cast<unsigned char>(*from));
        } else if (storage.type == ElementType::kI8) {
            number = (static_cast<float>(static_cast<signed char>(*from)) - storage.grid.zero) *
                     storage.grid.step;
        } else {
            std::memcpy(&number, from, sizeof number);
        }
        numbers.push_back(number);
        for (std::size_t d = place.size(); d-- > 0;) {
            if (++place[d] < view.extents[d]) break;
            place[d] = 0;
        }
    }
    return numbers;
}

/// Judges each step by what the reference makes of the step's own inputs.
Result<void> verify(const Built& built) {
    const Program& program = built.network->program();
    SLUICE_TRY(built.network->enqueue(built.memory, built.stream));
    // What a step makes that the next one's kernel does as well: it is not written.
    std::optional<std::vector<float>> unwritten;
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        const Step& step = program.steps[i];
        Graph one;
        std::vector<std::vector<float>> inputs;
        Node node = program.node(step);
        node.inputs.clear();
        SLUICE_TRY(built.stream.wait());
        for (const View& view : step.inputs) {
            node.inputs.push_back(one.add({"", view.extents}));
            inputs.push_back(unwritten ? *unwritten : download(built, view));
        }
        node.output = one.add({"", step.output.extents});
        one.inputs = node.inputs;
        one.outputs = {node.output};
        one.nodes = {node};
        SLUICE_TRY(built.network->run(i, built.memory, built.stream));
        SLUICE_TRY(built.stream.wait());
        const auto got = download(built, step.output);
        const auto wanted = run_reference(one, inputs)[0];
        const LayerTime what = built.network->describe(i);
        unwritten.reset();
        if (what.plan == "in the next layer's kernel") {
            unwritten = wanted;
            continue;
        }
        double error = 0, norm = 1e-12;
        for (std::size_t j = 0; j < got.size(); ++j) {
            error += std::pow(got[j] - wanted[j], 2);
            norm += std::pow(wanted[j], 2);
        }
        const double relative = std::sqrt(error / norm);
        // Of 8 bits some are the neighbours of the right ones.
        const bool int8 = program.storage(step.output).type == ElementType::kI8;
        if (relative < (int8 ? 3e-2 : 2e-3)) continue;
        fmt::print("  step {} {} {} [{}]: wrong by {:.1e}, steps {}, strides {}\n",
                   i,
                   what.name,
                   what.kind,
                   what.plan,
                   relative,
                   node.steps.size(),
                   fmt::join(step.output.strides, ","));
    }
    return {};
}

Result<void> write_table(const Built& built, const std::string& path) {
    auto times = SLUICE_TRY(built.network->profile(built.memory, built.stream, 20));
    double sum = 0;
    for (const LayerTime& time : times)
        sum += time.milliseconds;
    std::ofstream file(path, std::ios::app);
    file << fmt::format(
        "# batch {}: {} steps, {:.3f} ms one by one\n", built.batch, times.size(), sum);
    for (const LayerTime& time : times) {
        file << fmt::format("{:8.1f} us {:5.1f} % {:6.0f} TFLOP/s {:6.0f} GB/s  {:40} {} [{}]\n",
                            time.milliseconds * 1000,
                            100 * time.milliseconds / sum,
                            time.operations / time.milliseconds / 1e9,
                            time.bytes / time.milliseconds / 1e6,
                            time.kind,
                            time.name,
                            time.plan);
    }
    std::map<std::string, double> kinds;
    for (const LayerTime& time : times)
        kinds[time.kind.substr(0, time.kind.find(' '))] += time.milliseconds;
    fmt::print("  one by one {:.3f} ms:", sum);
    for (const auto& [kind, milliseconds] : kinds)
        fmt::print(" {} {:.1f} %", kind, 100 * milliseconds / sum);
    fmt::print("\n");
    return {};
}

Result<void> run(const std::string& path, const Words& words) {
    SLUICE_TRY(memory::cuda::use_device(0));
    for (std::string_view number : split(words.at("batch"), ',')) {
        const int batch = static_cast<int>(SLUICE_TRY(parse_integer(number)));
        const auto begin = std::chrono::steady_clock::now();
        Built built = SLUICE_TRY(build(path, words, batch));
        const double seconds = seconds_since(begin);
        if (words.contains("check")) {
            SLUICE_TRY(compare(built, words.at("check")));
        } else {
            for (const auto& input : built.memory.inputs)
                SLUICE_TRY(fill_with_pixels(input));
        }
        fmt::print("sluice {} {}{} batch {}: {:.0f} images/s, ready in {:.1f} s, arena {} MB\n",
                   path.substr(path.rfind('/') + 1),
                   words.at("precision"),
                   words.contains("tuned") ? " tuned" : "",
                   built.batch,
                   built.batch / SLUICE_TRY(time_of(built.graph, built.stream)) * 1000,
                   seconds,
                   built.memory.arena.bytes() / 1'000'000);
        if (words.at("precision") == "int8") {
            const auto share = built.network->int8_share();
            fmt::print("  {} of {} convolutions in int8\n", share.layers, share.of);
        }
        if (words.contains("verify")) SLUICE_TRY(verify(built));
        if (words.contains("table")) SLUICE_TRY(write_table(built, words.at("table")));
        std::fflush(stdout);
    }
    return {};
}

int main(int argc, char** argv) {
    Words words{{"batch", "1,8,32,64"}, {"precision", "fp16"}};
    for (int i = 2; i < argc; ++i) {
        const std::string word = argv[i];
        words[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    }
    if (argc < 2) {
        fmt::print(
            "usage: infer_cuda_profile MODEL [batch=..] [precision=..] [tuned=CACHE] "
            "[table=FILE] [check=FOLDER] [verify=yes] [stem=never|always] [ranges=made-up] "
            "[own=never]\n");
        return 2;
    }
    set_log_sink([](LogLevel, std::string_view, const std::string& message) {
        fmt::print(stderr, "{}\n", message);
    });
    try {
        auto done = run(argv[1], words);
        if (done) return 0;
        fmt::print(stderr, "{}\n", done.error().text());
    } catch (const std::exception& exception) {
        fmt::print(stderr, "{}\n", exception.what());
    }
    return 1;
}

}  // namespace
}  // namespace sluice::infer::cuda

int main(int argc, char** argv) {
    return sluice::infer::cuda::main(argc, argv);
}
