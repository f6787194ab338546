#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace sluice::cli_test {

struct Outcome {
    int code = -1;  ///< the exit code; -1 when a signal ended it
    std::string out;
    std::string err;

    nlohmann::json json() const { return nlohmann::json::parse(out); }
};

/// A folder of its own, a small model that finds nothing, and the program build/bin/sluice.
class Program : public testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    /// Runs the program; `environment` holds KEY=VALUE words. After `interrupt_after` bytes of
    /// standard error it gets SIGINT (never, where that is 0).
    Outcome run(const std::vector<std::string>& words,
                const std::vector<std::string>& environment = {},
                std::size_t interrupt_after = 0);
    /// `sluice run --model MODEL words..`
    Outcome run_model(std::vector<std::string> words,
                      const std::vector<std::string>& environment = {});

    std::string in_folder(const std::string& name) const { return (folder_ / name).string(); }
    std::string write(const std::string& name, const std::string& text) const;
    std::string read(const std::string& name) const;
    /// A clip of so many frames at 10 fps; the ending of the name chooses the container.
    std::string make_clip(const std::string& name, int frames);
    /// The first part of a file as another file.
    std::string cut(const std::string& path, const std::string& name, double part) const;

    std::filesystem::path folder_;
    std::string model_;
};

}  // namespace sluice::cli_test
