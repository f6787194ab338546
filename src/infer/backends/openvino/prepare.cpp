#include "sluice/infer/backends/openvino/prepare.h"

#include "sluice/base/log.h"
#include "sluice/infer/backends/openvino/adapt.h"
#include "sluice/infer/backends/openvino/batch.h"
#include "sluice/infer/backends/openvino/focus.h"
#include "sluice/infer/backends/openvino/qdq.h"
#include "sluice/infer/backends/openvino/verify.h"

namespace sluice::infer {
namespace {

/// The model for `batch` items at once; when it had to be repaired, tried against one item at a
/// time.
Result<BatchChange> proven(const std::shared_ptr<ov::Model>& model, int batch) {
    BatchChange change = SLUICE_TRY(rebatch(model, batch));
    if (change.repaired == 0 || batch == 1) return change;
    BatchChange one = SLUICE_TRY(rebatch(model, 1));
    if (!items_agree(one.model, change.model)) return unsupported("its items influence each other");
    return change;
}

/// The network at the batch that the device gets: the one asked for where the model allows it,
/// else one.
Result<BatchChange> batched(const std::string& path,
                            const std::shared_ptr<ov::Model>& model,
                            int& device_batch) {
    Result<BatchChange> change = proven(model, device_batch);
    if (!change && device_batch > 1) {
        log_warning("infer",
                    "{}: cannot take {} items at once, so they run one by one: {}",
                    path,
                    device_batch,
                    change.error().text());
        device_batch = 1;
        change = rebatch(model, device_batch);
    }
    if (change && change->repaired > 0) {
        log_info("infer",
                 "{}: {} Reshape with a batch baked in made to copy it, for {} at once",
                 path,
                 change->repaired,
                 device_batch);
    }
    return change;
}

}  // namespace

Result<PreparedModel> prepare(const std::string& path,
                              const ov::Model& model,
                              const InputAdaptation& adaptation,
                              int batch) {
    PreparedModel prepared{model.clone(), batch};
    join_quantisation(*prepared.model);
    SLUICE_TRY(close_extents(*prepared.model, adaptation));
    prepared.model = SLUICE_TRY(batched(path, prepared.model, prepared.batch)).model;
    prepared.stems = fold_focus(*prepared.model);
    prepared.model = SLUICE_TRY(adapt(prepared.model, adaptation));
    return prepared;
}

}  // namespace sluice::infer
