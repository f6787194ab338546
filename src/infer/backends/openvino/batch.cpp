#include "sluice/infer/backends/openvino/batch.h"

#include <map>
#include <string>
#include <vector>

#include <openvino/core/except.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/pass/constant_folding.hpp>
#include <openvino/pass/manager.hpp>

#include "sluice/infer/backends/openvino/specs.h"

namespace sluice::infer {
namespace {

/// Does every input and output begin with the batch? Otherwise the name of the one that does not.
Result<void> check(const ov::Model& model, int batch) {
    for (const ov::Output<const ov::Node>& output : model.outputs()) {
        const ov::PartialShape& shape = output.get_partial_shape();
        if (shape.is_dynamic()) {
            return unsupported(fmt::format(
                "output '{}' has no fixed size ({})", tensor_name(output), shape.to_string()));
        }
        if (shape.size() == 0 || shape[0].get_length() != batch) {
            return unsupported(fmt::format("output '{}' ({}) does not begin with the batch of {}",
                                           tensor_name(output),
                                           shape.to_string(),
                                           batch));
        }
    }
    return {};
}

Result<void> reshape(ov::Model& model, int batch) {
    std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
    for (const ov::Output<ov::Node>& input : model.inputs()) {
        ov::PartialShape shape = input.get_partial_shape();
        if (shape.rank().is_dynamic() || shape.size() == 0) {
            return unsupported(fmt::format("input '{}' has no batch", tensor_name(input)));
        }
        shape[0] = batch;
        shapes[input] = shape;
    }
    try {
        model.reshape(shapes);
    } catch (const ov::Exception& exception) {
        return unsupported(essence(exception.what()));
    }
    return check(model, batch);
}

void fold_constants(const std::shared_ptr<ov::Model>& model) {
    ov::pass::Manager manager;
    manager.register_pass<ov::pass::ConstantFolding>();
    manager.run_passes(model);
}

/// The one batch that all inputs agree on, or 0.
std::int64_t baked_batch(const ov::Model& model) {
    std::int64_t batch = 0;
    for (const ov::Output<const ov::Node>& input : model.inputs()) {
        const ov::PartialShape& shape = input.get_partial_shape();
        if (shape.size() == 0 || shape[0].is_dynamic()) return 0;
        if (batch != 0 && batch != shape[0].get_length()) return 0;
        batch = shape[0].get_length();
    }
    return batch;
}

/// Reshapes to {batch, ...} of something that begins with the batch become {copy, ...}.
int unbake(ov::Model& model, std::int64_t batch) {
    int repaired = 0;
    for (const std::shared_ptr<ov::Node>& node : model.get_ordered_ops()) {
        auto reshape = ov::as_type_ptr<ov::op::v1::Reshape>(node);
        if (!reshape) continue;
        auto target = ov::as_type_ptr<ov::op::v0::Constant>(reshape->get_input_node_shared_ptr(1));
        const ov::PartialShape& data = reshape->get_input_partial_shape(0);
        if (!target || data.rank().is_dynamic() || data.size() == 0) continue;
        std::vector<std::int64_t> extents = target->cast_vector<std::int64_t>();
        if (extents.size() < 2 || extents[0] != batch || data[0] != batch) continue;
        extents[0] = 0;
        auto copying =
            ov::op::v0::Constant::create(ov::element::i64, ov::Shape{extents.size()}, extents);
        reshape->input(1).replace_source_output(copying->output(0));
        reshape->set_special_zero(true);
        ++repaired;
    }
    return repaired;
}

}  // namespace

Result<BatchChange> rebatch(const std::shared_ptr<const ov::Model>& model, int batch) {
    BatchChange change{model->clone(), 0};
    Result<void> plain = reshape(*change.model, batch);
    if (!plain) {
        std::int64_t baked = baked_batch(*model);
        if (baked == 0 || baked == batch) return std::move(plain).error();
        // Targets that are computed from shapes become constants, at the batch they were made for.
        change.model = model->clone();
        fold_constants(change.model);
        change.repaired = unbake(*change.model, baked);
        if (change.repaired == 0) return std::move(plain).error();
        SLUICE_TRY(reshape(*change.model, batch));
    }
    fold_constants(change.model);
    return change;
}

}  // namespace sluice::infer
