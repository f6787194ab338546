#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// SHA-256 (FIPS 180-4) of what is added piece by piece.
class Sha256 {
public:
    void add(std::string_view bytes);
    /// 64 hexadecimal digits, of all that was added. The last call.
    std::string finish();

private:
    void block(const unsigned char* bytes);

    std::array<std::uint32_t, 8> state_{0x6a09e667,
                                        0xbb67ae85,
                                        0x3c6ef372,
                                        0xa54ff53a,
                                        0x510e527f,
                                        0x9b05688c,
                                        0x1f83d9ab,
                                        0x5be0cd19};
    std::array<unsigned char, 64> rest_{};  ///< the first length_ % 64 of them are waiting
    std::uint64_t length_ = 0;              ///< bytes
};

}  // namespace sluice
