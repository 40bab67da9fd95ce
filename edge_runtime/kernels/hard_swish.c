/* HARD_SWISH of float32; the meaning is defined in hard_swish.py. */
#include "kernel.h"

#include "unary.h"

static inline float hard_swish(float x)
{
    const float moved = x + 3, positive = moved > 0 ? moved : 0.0f;
    return x * (positive < 6 ? positive : 6.0f) / 6;
}

EK_UNARY(EK(hard_swish_float32), float, hard_swish)
