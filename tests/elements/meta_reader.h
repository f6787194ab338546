#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/// What a C program reads of a buffer by sluice_meta.h: the sum of its objects' widths, or -1 when
/// something it was told does not hold together.
double sluice_test_sum_widths(GstBuffer* buffer);

G_END_DECLS
