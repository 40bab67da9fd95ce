/* Parameters of the kernels of ADD and SUB that have variants: a record of add.py. */
#ifndef EK_ADD_H
#define EK_ADD_H

#include <stdint.h>

typedef struct {
    int32_t headroom, a_zero_point, a_multiplier, a_shift, b_zero_point, b_multiplier, b_shift;
    int32_t sign, multiplier, shift, zero_point, lowest, highest;
} AddRescaled;

/* What the packer for Cortex-M cores with Helium appends. */
typedef struct {
    AddRescaled layer;
    int32_t ties; /* whether halves below zero are to be rounded away from it */
} AddRescaledHelium;

#endif
