/* The parser library that custom_test.cpp loads. */
#include <math.h>
#include <stdio.h>

#include "sluice/infer/parser_abi.h"

#ifndef TEST_PARSER_VERSION
#define TEST_PARSER_VERSION SLUICE_PARSER_ABI_VERSION
#endif

SLUICE_PARSER_EXPORT uint32_t sluice_parser_abi_version(void) {
    return TEST_PARSER_VERSION;
}

/* Rows of four normalised edges, a score and a class. */
SLUICE_PARSER_EXPORT int parse_rows(const SluiceParserInput* input,
                                    const SluiceParserOutput* output) {
    const SluiceParserTensor* rows = &input->tensors[0];
    float width = (float)input->network_width;
    float height = (float)input->network_height;
    for (int64_t i = 0; i < rows->shape[0]; ++i) {
        const float* row = rows->data + i * rows->shape[1];
        SluiceParserBox box = {row[0] * width,
                               row[1] * height,
                               row[2] * width,
                               row[3] * height,
                               row[4],
                               (int32_t)row[5]};
        output->add(output->sink, &box);
    }
    return 0;
}

SLUICE_PARSER_EXPORT int parse_badly(const SluiceParserInput* input,
                                     const SluiceParserOutput* output) {
    SluiceParserBox box = {0, 0, 1, 1, 1, 0};
    output->add(output->sink, &box);
    snprintf(output->error, output->error_size, "%s is not to my taste", input->tensors[0].name);
    return 7;
}
