#include "sluice/infer/model_hash.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include "sluice/base/sha256.h"

namespace sluice::infer {
namespace {

Result<void> add_file(const std::string& path, Sha256& sha) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return io_error("the model file cannot be read", path);
    std::vector<char> part(1 << 16);
    while (file.read(part.data(), static_cast<std::streamsize>(part.size())), file.gcount() > 0)
        sha.add({part.data(), static_cast<std::size_t>(file.gcount())});
    return {};
}

}  // namespace

Result<std::string> model_hash(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        return unsupported("a model that is a folder has no hash, and so nothing can be kept of it",
                           path);
    Sha256 sha;
    SLUICE_TRY(add_file(path, sha));
    if (path.ends_with(".xml")) {
        const std::string weights = std::filesystem::path(path).replace_extension(".bin");
        if (std::filesystem::exists(weights, ignored)) SLUICE_TRY(add_file(weights, sha));
    }
    return sha.finish();
}

}  // namespace sluice::infer
