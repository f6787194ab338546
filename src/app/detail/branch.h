#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gst/gst.h>

#include "sluice/app/description.h"
#include "sluice/app/detail/recorder.h"
#include "sluice/app/sources.h"

namespace sluice::app::detail {

/// One end of the pipeline: what writes one file or folder, or shows a window. When it fails it is
/// cut off and the others go on. Stays where it is.
class Branch {
public:
    Branch(const OutputOptions& output, std::string file, int source_number)
        : options(output), path(std::move(file)), source(source_number) {}
    ~Branch();
    Branch(const Branch&) = delete;
    Branch& operator=(const Branch&) = delete;

    /// What flows out of `from` goes to the branch's element `into`, until it fails. Takes over
    /// the reference of `from`.
    Result<void> attach(GstPad* from, GstElement* into);
    /// From now on nothing flows in. Any thread.
    void cut() { cut_ = true; }
    bool is_cut() const { return cut_; }

    const OutputOptions options;
    const std::string path;
    const int source;                ///< the number of the only source that it is of, or -1
    std::vector<std::string> files;  ///< what it writes; the folder where a file per frame is made
    GstElement* element = nullptr;   ///< child of the pipeline
    bool ended = false;              ///< its end has come through
    std::string error;
    std::atomic<std::uint64_t> dropped{0};
    std::atomic<std::uint64_t> downloaded_frames{0};  ///< from a device, for what follows
    std::atomic<std::uint64_t> downloaded_bytes{0};

private:
    static GstPadProbeReturn on_flow(GstPad*, GstPadProbeInfo* info, gpointer self);
    static GstFlowReturn chain_unless_cut(GstPad* pad, GstObject* parent, GstBuffer* buffer);
    GstPad* from_ = nullptr;
    GstPadChainFunction chain_ = nullptr;  ///< the entry's own
    std::atomic<bool> cut_{false};
};

/// On which devices pixels lie behind the analysis.
struct PixelPlaces {
    std::vector<int> of_source;  ///< where a source's frames may come from
    std::optional<int> picture;  ///< where a picture of all of them is made, if they differ

    int of_picture() const { return picture.value_or(of_source.front()); }
};

/// Where the analysis ends and its outputs begin.
class Outputs {
public:
    /// Makes everything that follows `last` (its pad "src") in the pipeline.
    static Result<Outputs> create(GstElement* pipeline,
                                  GstElement* last,
                                  const PipelineDescription& description,
                                  const std::vector<Source>& sources,
                                  const PixelPlaces& places,
                                  Recorder& recorder);

    std::vector<std::unique_ptr<Branch>> branches;
};

/// The encoder that kAuto means for frames of that device: nvenc where the device has one.
Encoder choose_encoder(Encoder wanted, int device);

/// Are a batch's frames put into one picture?
bool is_tiled(const OutputOptions& output, std::size_t sources);

}  // namespace sluice::app::detail
