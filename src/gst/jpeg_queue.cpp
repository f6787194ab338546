#include "sluice/gst/jpeg_queue.h"

#include <algorithm>
#include <utility>

namespace sluice::gst {
namespace {

Error closed() {
    return {ErrorCode::kUnavailable, "the JPEG decoder was stopped", {}};
}

}  // namespace

JpegQueue::JpegQueue(Decode decode, const Options& options)
    : decode_(std::move(decode)), options_(options), thread_([this] { run(); }) {}

JpegQueue::~JpegQueue() {
    close();
}

Result<void> JpegQueue::decode(const image::JpegPicture& picture) {
    Waiting self{&picture, std::nullopt};
    MutexLock lock(mutex_);
    if (closed_) return closed();
    waiting_.push_back(&self);
    came_.notify_one();
    while (!self.answer)
        answered_.wait(mutex_);
    return *std::move(self.answer);
}

void JpegQueue::close() {
    {
        MutexLock lock(mutex_);
        closed_ = true;
        came_.notify_one();
        for (Waiting* waiting : waiting_)
            waiting->answer = closed();
        waiting_.clear();
        answered_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

std::size_t JpegQueue::waiting() {
    MutexLock lock(mutex_);
    return waiting_.size();
}

void JpegQueue::run() {
    std::vector<image::JpegPicture> pictures;
    for (;;) {
        const std::vector<Waiting*> batch = take();
        if (batch.empty()) return;
        pictures.clear();
        for (const Waiting* waiting : batch)
            pictures.push_back(*waiting->picture);
        answer(batch, decode_(pictures));
    }
}

std::vector<JpegQueue::Waiting*> JpegQueue::take() {
    MutexLock lock(mutex_);
    const std::size_t expected = std::min(expected_, options_.most_at_once);
    while (waiting_.size() < expected && !closed_ && now() < back_until_)
        came_.wait_until(mutex_, back_until_);
    while (waiting_.empty() && !closed_)
        came_.wait(mutex_);
    std::vector<Waiting*> batch;
    for (Waiting* waiting : waiting_) {
        const bool like = batch.empty() || waiting->picture->is_420 == batch[0]->picture->is_420;
        if (like && batch.size() < options_.most_at_once) batch.push_back(waiting);
    }
    if (batch.size() > options_.engines)
        batch.resize(batch.size() / options_.engines * options_.engines);
    std::erase_if(waiting_, [&](Waiting* waiting) {
        return std::find(batch.begin(), batch.end(), waiting) != batch.end();
    });
    return batch;
}

void JpegQueue::answer(std::span<Waiting* const> batch, const Result<void>& answer) {
    MutexLock lock(mutex_);
    for (Waiting* waiting : batch)
        waiting->answer = answer;
    answered_.notify_all();
    expected_ = waiting_.size() + batch.size();
    back_until_ = now() + options_.patience;
}

}  // namespace sluice::gst
