#include "sluice/base/shared_library.h"

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kVariable = "SLUICE_TEST_LIBRARY";

const SharedLibrary kLibrary{
    {"libnone.so.2", "libnone.so.1"}, kVariable, "nvidia/none/lib", "/of/build", "install none"};

class SharedLibraries : public testing::Test {
protected:
    void TearDown() override { unsetenv(kVariable); }
};

TEST_F(SharedLibraries, AreLookedForByEachNameWhereTheVariableSays) {
    const std::string folder = std::filesystem::temp_directory_path();
    setenv(kVariable, folder.c_str(), 1);
    EXPECT_THAT(places_of(kLibrary),
                ElementsAre(std::filesystem::path(folder) / "libnone.so.2",
                            std::filesystem::path(folder) / "libnone.so.1"));
    setenv(kVariable, "/a/libmine.so", 1);
    EXPECT_THAT(places_of(kLibrary), ElementsAre("/a/libmine.so"));
}

TEST_F(SharedLibraries, AreLookedForInTheSystemFirstAndInTheBuildsWheelLast) {
    const auto places = places_of(kLibrary);
    ASSERT_GE(places.size(), 4U);
    EXPECT_EQ(places[0], "libnone.so.2");
    EXPECT_EQ(places[1], "libnone.so.1");
    EXPECT_EQ(places.back(), "/of/build/libnone.so.1");
}

TEST_F(SharedLibraries, ThatAreMissingSayHowToGetThem) {
    EXPECT_THAT(open_library(kLibrary).error().text(), HasSubstr("install none"));
    setenv(kVariable, "/nowhere", 1);
    EXPECT_THAT(open_library(kLibrary).error().text(), HasSubstr("SLUICE_TEST_LIBRARY"));
}

}  // namespace
}  // namespace sluice
