#include "program.h"

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::cli_test {
namespace {

namespace fs = std::filesystem;

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> out;
    for (const std::string& word : words)
        out.push_back(const_cast<char*>(word.c_str()));
    out.push_back(nullptr);
    return out;
}

[[noreturn]] void become(const std::vector<std::string>& words,
                         const std::vector<std::string>& environment,
                         int out,
                         int err) {
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    for (const std::string& entry : environment)
        putenv(const_cast<char*>(entry.c_str()));
    execv(SLUICE_PROGRAM, pointers(words).data());
    _exit(127);
}

/// Reads both ends until both are closed.
void collect(int out, int err, pid_t child, std::size_t interrupt_after, Outcome& outcome) {
    pollfd ends[] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
    std::string* texts[] = {&outcome.out, &outcome.err};
    int open_ends = 2;
    while (open_ends > 0 && poll(ends, 2, -1) > 0) {
        for (int i = 0; i < 2; ++i) {
            if (ends[i].fd < 0 || ends[i].revents == 0) continue;
            char buffer[4096];
            ssize_t count = ::read(ends[i].fd, buffer, sizeof buffer);
            if (count > 0) {
                texts[i]->append(buffer, static_cast<std::size_t>(count));
            } else {
                ends[i].fd = -1;
                --open_ends;
            }
        }
        if (interrupt_after > 0 && outcome.err.size() >= interrupt_after) {
            kill(child, SIGINT);
            interrupt_after = 0;
        }
    }
}

}  // namespace

void Program::SetUp() {
    std::string pattern = testing::TempDir() + "cli_test_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    // Finds nothing and costs nothing, so that these tests are about all the rest.
    model_ = in_folder("micro.onnx");
    fs::copy_file(fs::path(SLUICE_SOURCE_DIR) / "tests/models/identity.onnx", model_);
    write("micro.yaml", "head: tensors\n");
}

void Program::TearDown() {
    fs::remove_all(folder_);
}

Outcome Program::run(const std::vector<std::string>& words,
                     const std::vector<std::string>& environment,
                     std::size_t interrupt_after) {
    std::vector<std::string> all{"sluice"};
    all.insert(all.end(), words.begin(), words.end());
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) return {};
    pid_t child = fork();
    if (child == 0) become(all, environment, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    Outcome outcome;
    collect(out[0], err[0], child, interrupt_after, outcome);
    close(out[0]);
    close(err[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
    return outcome;
}

Outcome Program::run_model(std::vector<std::string> words,
                           const std::vector<std::string>& environment) {
    std::vector<std::string> all{"run", "--model", model_};
    all.insert(all.end(), words.begin(), words.end());
    return run(all, environment);
}

std::string Program::write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return in_folder(name);
}

std::string Program::read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string Program::make_clip(const std::string& name, int frames) {
    std::string path = in_folder(name);
    std::string pattern = "test:smpte?width=160&height=120&fps=10&frames=" + std::to_string(frames);
    Outcome made = run_model({"--source", pattern, "--output", path, "--quiet"});
    EXPECT_EQ(made.code, 0) << made.err;
    return path;
}

std::string Program::cut(const std::string& path, const std::string& name, double part) const {
    std::string bytes = read(fs::path(path).filename().string());
    return write(
        name, bytes.substr(0, static_cast<std::size_t>(part * static_cast<double>(bytes.size()))));
}

}  // namespace sluice::cli_test
