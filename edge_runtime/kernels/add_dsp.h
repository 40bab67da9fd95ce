/* The form of ADD and SUB of int8 for Cortex-M cores with the DSP extension, for packer and kernel.
 *
 * An output is SSAT(floor((a * A + b * B + C) / 2^29)), whose numbers are cut into upper halves and
 * lower 15 bits, so that each of two SMLAD multiplies the word of a and b. */
#ifndef EK_ADD_DSP_H
#define EK_ADD_DSP_H

#include <stdint.h>

/* In place of the loops over the inputs, which may be broadcast along rows. */
typedef struct {
    int32_t rows, count, a_row, b_row; /* how far rows of the inputs are apart */
    int32_t upper, lower; /* of A and B, as halfwords */
    int32_t start_upper, start_lower;
} AddInt8Dsp;

#endif
