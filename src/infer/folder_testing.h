#pragma once

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::infer {

/// A folder of the test's own.
class InFolder : public testing::Test {
protected:
    InFolder()
        : folder_(std::filesystem::temp_directory_path() /
                  fmt::format("sluice-{}-{}", getpid(), counter++)) {
        std::filesystem::create_directories(folder_);
    }
    ~InFolder() override { std::filesystem::remove_all(folder_); }

    std::string file(const std::string& name) const { return folder_ / name; }
    /// Returns the path.
    static std::string write(const std::string& path, const std::string& text) {
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }
    static std::string text_of(const std::string& path) {
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }

    /// Its names, in order.
    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder_))
            names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }

private:
    static inline int counter = 0;
    std::filesystem::path folder_;
};

/// A variable of the environment, as it was before when this goes.
class Variable {
public:
    Variable(const char* name, const std::string& value) : name_(name) {
        if (const char* before = std::getenv(name)) before_ = before;
        setenv(name, value.c_str(), 1);
    }
    ~Variable() {
        if (before_) {
            setenv(name_, before_->c_str(), 1);
        } else {
            unsetenv(name_);
        }
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    const char* name_;
    std::optional<std::string> before_;
};

/// Another process; it ends by itself or with this.
class Child {
public:
    explicit Child(const std::function<void()>& work) : process_(fork()) {
        if (process_ != 0) return;
        work();
        _exit(0);
    }
    ~Child() {
        if (process_ < 0) return;  // which kill() would take for everybody
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
    }

private:
    pid_t process_;
};

}  // namespace sluice::infer
