#include "sluice/infer/backends/cuda/engine_cache.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/base/log.h"
#include "sluice/infer/backends/cuda/kept.h"
#include "sluice/infer/folder_testing.h"
#include "sluice/infer/model_hash.h"

namespace sluice::infer::cuda {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const EngineHost kHost{{"GPU A, compute capability 9.0"}, "91900"};

/// A model, a cache and whatever was said.
class EngineCacheTest : public InFolder {
protected:
    void SetUp() override {
        write(model_, "a network");
        set_log_sink([this](LogLevel, std::string_view, const std::string& message) {
            said_ += message + "\n";
        });
    }
    void TearDown() override { set_log_sink({}); }

    EngineMaking making(std::vector<int> batches = {1}) const {
        EngineMaking making;
        making.model = model_hash(model_).value();
        making.gpu = kHost.gpus[0];
        making.cudnn = kHost.cudnn;
        making.sluice = sluice_version();
        making.precision = "fp16";
        making.batches = std::move(batches);
        return making;
    }
    EngineClaim claim(const EngineMaking& making) const {
        return EngineClaim::take({model_, "", making, cache_});
    }
    std::string cached() const { return cached_engine(cache_, model_, making()); }
    /// A start that finds out these plans where it knows none; says whether it had to.
    bool start(const EngineMaking& making, const PlanNames& plans = {{"conv", "eng1"}}) const {
        EngineClaim claim = this->claim(making);
        const bool knew = claim.plans() == plans;
        claim.keep(plans);
        return !knew;
    }

    const std::string model_ = file("m.onnx");
    const std::string cache_ = file("sluice/engines");
    std::string said_;
};

TEST_F(EngineCacheTest, LiesInTheUsersCacheFolder) {
    const Variable variable("XDG_CACHE_HOME", "/cache");
    EXPECT_EQ(default_engine_cache(), "/cache/sluice/engines");
    EXPECT_EQ(default_plan_cache(), "/cache/sluice/plans.txt");
}

TEST_F(EngineCacheTest, HasAFileForEachModelPrecisionGpuAndInput) {
    auto file_for = [&](const std::string& model, auto change) {
        EngineMaking made = making();
        change(made);
        return cached_engine(cache_, model, made);
    };
    auto same = [](EngineMaking&) {};
    EXPECT_THAT(cached(), HasSubstr("/m.onnx.fp16."));
    EXPECT_NE(file_for(file("other/m.onnx"), same), cached());
    EXPECT_NE(file_for(model_, [](auto& m) { m.precision = "fp32"; }), cached());
    EXPECT_NE(file_for(model_, [](auto& m) { m.gpu = "GPU B"; }), cached());
    EXPECT_NE(file_for(model_, [](auto& m) { m.input = "320x320"; }), cached());
    EXPECT_EQ(file_for(model_, [](auto& m) { m.model = "4567"; }), cached());
    EXPECT_EQ(file_for(model_, [](auto& m) { m.sluice = "7"; }), cached());
}

TEST_F(EngineCacheTest, KeepsWhatAStartFoundOut) {
    EXPECT_TRUE(start(making()));
    EXPECT_FALSE(start(making()));
    EXPECT_EQ(said_, "");
    EXPECT_EQ(EngineFile::read(cached()).value().source, whole_path(model_));
}

TEST_F(EngineCacheTest, AddsABatchToTheOthers) {
    start(making({8}), {{"conv 8", "eng1"}});
    EXPECT_TRUE(start(making({1}), {{"conv 1", "eng2"}}));
    EXPECT_THAT(said_, HasSubstr("batches of 8, not of 1"));
    const EngineFile both = EngineFile::read(cached()).value();
    EXPECT_THAT(both.made.batches, ElementsAre(1, 8));
    EXPECT_EQ(both.plans.size(), 2U);
}

TEST_F(EngineCacheTest, MakesAStaleOneAnewAndSaysWhy) {
    start(making(), {{"old", "eng1"}});
    EngineMaking newer = making();
    newer.cudnn = "92000";
    EXPECT_TRUE(start(newer));
    EXPECT_THAT(said_, HasSubstr("cuDNN 91900, this is 92000. The engine is built anew"));
    said_.clear();
    EXPECT_FALSE(start(newer));
    EXPECT_EQ(said_, "");
    EXPECT_EQ(EngineFile::read(cached()).value().plans.count("old"), 0U);
}

TEST_F(EngineCacheTest, MakesATornOneAnew) {
    start(making());
    std::string text = text_of(cached());
    write(cached(), text.substr(0, text.size() / 2));
    EXPECT_TRUE(start(making()));
    EXPECT_THAT(said_, HasSubstr("cut off"));
    EXPECT_FALSE(start(making()));
}

TEST_F(EngineCacheTest, ComesAfterAFileBesideTheModel) {
    const std::string beside = engine_file_beside(model_, "fp16");
    ASSERT_TRUE((EngineFile{making(), {{"conv", "eng9"}}}).write(beside));
    EXPECT_EQ(claim(making()).plans(), (PlanNames{{"conv", "eng9"}}));
    EngineMaking newer = making();
    newer.sluice = "7";
    EXPECT_TRUE(start(newer));
    EXPECT_THAT(said_, HasSubstr(beside + ": not used: it was made for sluice"));
    said_.clear();
    EXPECT_FALSE(start(newer));
    EXPECT_THAT(said_, HasSubstr(cached() + " is used"));
}

TEST_F(EngineCacheTest, IsNotMadeByStartsThatGuess) {
    EngineClaim claim = EngineClaim::take({model_, file("none.engine"), making(), ""});
    EXPECT_THAT(said_, HasSubstr("no such engine file"));
    EXPECT_THAT(said_, HasSubstr("`sluice build`"));
    claim.keep({{"conv", "eng1"}});
    EXPECT_THAT(files(), ElementsAre("m.onnx"));
}

TEST_F(EngineCacheTest, IsDoneWithoutWhereItCannotBe) {
    EngineClaim claim = EngineClaim::take({model_, "", making(), "/proc/none/engines"});
    claim.keep({{"conv", "eng1"}});
    EXPECT_EQ(std::count(said_.begin(), said_.end(), '\n'), 1) << said_;
    EXPECT_THAT(said_, HasSubstr("/proc/none/engines"));
}

TEST_F(EngineCacheTest, IsMadeByOneOfSeveralProcesses) {
    // Each writes a letter where it had to make the engine.
    auto work = [&] {
        EngineClaim claim = this->claim(making());
        if (!claim.plans().empty()) return;
        std::ofstream(file("made"), std::ios::app) << "x";
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        claim.keep({{"conv", "eng1"}});
    };
    std::vector<pid_t> processes;
    for (int i = 0; i < 4; ++i) {
        const pid_t process = fork();
        if (process == 0) {
            work();
            _exit(0);
        }
        processes.push_back(process);
    }
    for (pid_t process : processes)
        waitpid(process, nullptr, 0);
    EXPECT_EQ(text_of(file("made")), "x");
    EXPECT_FALSE(start(making()));
}

TEST_F(EngineCacheTest, LeavesTheEngineToTheNextWhereItsMakerDies) {
    {
        int ready[2];
        ASSERT_EQ(pipe(ready), 0);
        const Child maker([&] {
            const EngineClaim claim = this->claim(making());
            if (::write(ready[1], "x", 1) == 1) pause();
        });
        char letter = 0;
        ASSERT_EQ(::read(ready[0], &letter, 1), 1);
        close(ready[0]);
        close(ready[1]);
    }
    EXPECT_TRUE(start(making()));
    EXPECT_FALSE(start(making()));
}

class KeptEngines : public EngineCacheTest {
protected:
    KeptEngine only(const EngineHost& host = kHost) const {
        const auto engines = engines_in(cache_, "", host);
        EXPECT_EQ(engines.size(), 1U);
        return engines.empty() ? KeptEngine() : engines[0];
    }
    std::vector<KeptEngine> prune(Prune which, const EngineHost& host = kHost) const {
        return prune_in(cache_, "", host, which).value();
    }
};

TEST_F(KeptEngines, AreNoneWhereThereIsNoFolder) {
    EXPECT_THAT(engines_in(cache_, "", kHost), IsEmpty());
    EXPECT_THAT(prune(Prune::kAll), IsEmpty());
}

TEST_F(KeptEngines, TellWhatTheyWereMadeFor) {
    start(making({8}));
    const KeptEngine engine = only();
    EXPECT_EQ(engine.file, cached());
    EXPECT_EQ(engine.state, EngineState::kFits);
    EXPECT_EQ(engine.why, "");
    EXPECT_EQ(engine.model, whole_path(model_));
    EXPECT_EQ(engine.precision, "fp16");
    EXPECT_THAT(engine.batches, ElementsAre(8));
    EXPECT_EQ(engine.gpu, kHost.gpus[0]);
    EXPECT_EQ(engine.sluice, sluice_version());
    EXPECT_GT(engine.bytes, 0U);
}

TEST_F(KeptEngines, AreStaleWhereTheirModelChanged) {
    start(making());
    write(model_, "another network");
    EXPECT_EQ(only().state, EngineState::kStale);
    EXPECT_THAT(only().why, HasSubstr("made for model"));
}

TEST_F(KeptEngines, AreStaleWhereTheirModelIsGone) {
    start(making());
    std::filesystem::remove(model_);
    EXPECT_EQ(only({}).state, EngineState::kStale);
    EXPECT_THAT(only({}).why, HasSubstr("gone"));
}

TEST_F(KeptEngines, AreStaleWhereAVersionChanged) {
    start(making());
    EXPECT_THAT(only({kHost.gpus, "92000"}).why, HasSubstr("cuDNN 91900, this is 92000"));
}

TEST_F(KeptEngines, AreStaleWhereTheyAreDamaged) {
    start(making());
    write(cached(), "sluice engine 1\n");
    EXPECT_EQ(only().state, EngineState::kStale);
    EXPECT_THAT(only().why, HasSubstr("another version"));
}

TEST_F(KeptEngines, AreNotJudgedWithoutTheirGpu) {
    start(making());
    EXPECT_EQ(only({{"GPU B"}, "92000"}).state, EngineState::kForeign);
    EXPECT_THAT(only({{"GPU B"}, "92000"}).why, HasSubstr("GPU B"));
    EXPECT_THAT(prune(Prune::kStale, {}), IsEmpty());
}

TEST_F(KeptEngines, OfOneModelAreAlsoThoseBesideIt) {
    start(making());
    const std::string beside = engine_file_beside(model_, "fp16");
    ASSERT_TRUE((EngineFile{making(), {}, whole_path(model_)}).write(beside));
    write(file("m.onnx2.fp16.cuda.engine"), "of another model");
    EXPECT_EQ(engines_in(cache_, "", kHost).size(), 1U);
    const auto engines = engines_in(cache_, model_, kHost);
    ASSERT_EQ(engines.size(), 2U);
    EXPECT_EQ(engines[0].file, cached());
    EXPECT_EQ(engines[1].file, beside);
    EXPECT_THAT(engines_in(cache_, file("other.onnx"), kHost), IsEmpty());
}

TEST_F(KeptEngines, ArePrunedWhereTheyAreStale) {
    start(making());
    EXPECT_THAT(prune(Prune::kStale), IsEmpty());
    write(model_, "another network");
    const auto removed = prune(Prune::kStale);
    ASSERT_EQ(removed.size(), 1U);
    EXPECT_EQ(removed[0].file, cached());
    EXPECT_THAT(engines_in(cache_, "", kHost), IsEmpty());
}

TEST_F(KeptEngines, AreAllPrunedOnRequest) {
    start(making());
    EXPECT_EQ(prune(Prune::kAll).size(), 1U);
    EXPECT_TRUE(start(making()));
}

TEST_F(KeptEngines, StayWhileTheyAreMade) {
    start(making());
    write(model_, "another network");
    const EngineClaim making_it = claim(making());
    said_.clear();
    EXPECT_THAT(prune(Prune::kStale), IsEmpty());
    EXPECT_THAT(said_, HasSubstr("stays"));
    EXPECT_TRUE(std::filesystem::exists(cached()));
}

TEST_F(KeptEngines, LeaveNothingOfDeadProcesses) {
    start(making());
    write(cached() + ".part-Ab3dEf", "sluice eng");
    write(cached() + ".lock", "1234\n");
    prune(Prune::kStale);
    EXPECT_TRUE(std::filesystem::exists(cached()));
    EXPECT_FALSE(std::filesystem::exists(cached() + ".part-Ab3dEf"));
    EXPECT_FALSE(std::filesystem::exists(cached() + ".lock"));
}

}  // namespace
}  // namespace sluice::infer::cuda
