/* Scratch memory of the variants of RESIZE_BILINEAR. */
#include "kernel.h"

#include "resize.h"

/* The output's columns, two rows of the image's width and one of the output's, and vectors of 8. */
size_t ek_scratch_resize(const int32_t *params)
{
    const Resize *p = (const Resize *)params;
    const size_t columns = (size_t)p->columns, output_columns = (size_t)p->output_columns;
    const size_t channels = (size_t)p->channels;
    return output_columns * sizeof(EkTapsInteger) +
           ((2 * columns + output_columns) * channels + 3 * 8) * sizeof(float);
}
