/* Parameters of the kernels of MUL that have variants: a record of mul.py. */
#ifndef EK_MUL_H
#define EK_MUL_H

#include <stdint.h>

typedef struct {
    int32_t a_zero_point, b_zero_point, multiplier, shift, zero_point, lowest, highest;
} MulRescaled;

#endif
