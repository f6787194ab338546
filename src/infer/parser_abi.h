/* How a shared library decodes the outputs of a network that Sluice does not know: plain C, so that
 * any compiler and language can make one.
 *
 * A library exports
 *   - SLUICE_PARSER_EXPORT uint32_t sluice_parser_abi_version(void), returning
 *     SLUICE_PARSER_ABI_VERSION of the header it was built with (write SLUICE_PARSER_DEFINE_VERSION
 *     once), and
 *   - one or more functions of type SluiceParseBoxes, under names of its own.
 * The model's file names both: `custom-lib-path: libmine.so`, `parse-bbox-func-name: parse_mine`.
 *
 * The function is called once per image, never from two threads at once for one model. What the
 * input points to lives until the function returns. It must not throw. */
#ifndef SLUICE_INFER_PARSER_ABI_H
#define SLUICE_INFER_PARSER_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_PARSER_ABI_VERSION 1u

#define SLUICE_PARSER_EXPORT __attribute__((visibility("default")))

/* One output of the network for one image: dense, row-major, 32-bit floats. */
typedef struct SluiceParserTensor {
    const char* name;
    const float* data;
    const int64_t* shape; /* `rank` extents, the batch left out */
    uint32_t rank;
} SluiceParserTensor;

/* A box by its edges, in pixels of the network's input image. */
typedef struct SluiceParserBox {
    float left;
    float top;
    float right;
    float bottom;
    float score;      /* 0..1 */
    int32_t class_id; /* 0 .. class_count - 1 */
} SluiceParserBox;

typedef struct SluiceParserInput {
    const SluiceParserTensor* tensors;
    uint32_t tensor_count;
    uint32_t network_width;
    uint32_t network_height;
    uint32_t class_count;    /* num-detected-classes */
    const float* thresholds; /* per class: boxes below need not be reported */
} SluiceParserInput;

/* Where the results go. */
typedef struct SluiceParserOutput {
    void* sink;
    /* Reports one box; it is copied. Boxes that are not finite, below their threshold or of a class
     * out of range are passed over. */
    void (*add)(void* sink, const SluiceParserBox* box);
    /* Where to say why, when failing: at most error_size bytes, zero-terminated. */
    char* error;
    size_t error_size;
} SluiceParserOutput;

/* Returns 0 on success. Anything else drops the boxes of this image and reports `error`. */
typedef int (*SluiceParseBoxes)(const SluiceParserInput* input, const SluiceParserOutput* output);

#define SLUICE_PARSER_DEFINE_VERSION                                \
    SLUICE_PARSER_EXPORT uint32_t sluice_parser_abi_version(void) { \
        return SLUICE_PARSER_ABI_VERSION;                           \
    }

#ifdef __cplusplus
}
#endif

#endif
