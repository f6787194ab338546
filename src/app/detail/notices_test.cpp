#include "sluice/app/detail/notices.h"

#include <gmock/gmock.h>

namespace sluice::app::detail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Notices, AreSaidOnceAndInOrder) {
    Notices notices;
    notices.add("b");
    notices.add("a");
    notices.add("b");
    EXPECT_THAT(notices.take(), ElementsAre("b", "a"));
    notices.add("a");
    EXPECT_THAT(notices.take(), IsEmpty());
}

TEST(Notices, OnOneSubjectAreTheFirstAlone) {
    Notices notices;
    for (const char* stream : {"gate", "yard", "roof"})
        notices.add_first("no plug-in", std::string(stream) + ": no plug-in");
    notices.add_first("no decoder", "yard: no decoder");
    EXPECT_THAT(notices.take(), ElementsAre("gate: no plug-in", "yard: no decoder"));
}

TEST(Notices, AreNotWithoutEnd) {
    Notices notices;
    for (std::size_t i = 0; i < 2 * Notices::kMost; ++i)
        notices.add(std::to_string(i));
    EXPECT_THAT(notices.take(), SizeIs(Notices::kMost));
}

}  // namespace
}  // namespace sluice::app::detail
