/* SQUARED_DIFFERENCE; the meaning is defined in squared_difference.py. */
#define EK_ROLLED
#include "kernel.h"

#include "broadcast.h"
#include "fixed_point.h"

typedef struct {
    int32_t headroom, a_zero_point, a_multiplier, a_shift, b_zero_point, b_multiplier, b_shift;
    int32_t multiplier, shift, zero_point;
} Rescaled;

static inline int32_t squared_rescaled(Rescaled p, int32_t a, int32_t b)
{
    const int32_t unit = (int32_t)1 << p.headroom;
    a = ek_rescale_twice((a - p.a_zero_point) * unit, p.a_multiplier, p.a_shift);
    b = ek_rescale_twice((b - p.b_zero_point) * unit, p.b_multiplier, p.b_shift);
    const int32_t square = ek_rescale_twice((a - b) * (a - b), p.multiplier, p.shift);
    return ek_clamp(square + p.zero_point, INT8_MIN, INT8_MAX);
}

static inline int32_t squared_int32(Elements p, int32_t a, int32_t b)
{
    (void)p;
    const uint32_t difference = (uint32_t)a - (uint32_t)b;
    return (int32_t)(difference * difference);
}

#define EK_SQUARED(p, a, b) (((a) - (b)) * ((a) - (b)))

EK_ELEMENTWISE_SMALL(EK(squared_difference_int8_twice), int8_t, int8_t, Rescaled, squared_rescaled)
EK_ELEMENTWISE(EK(squared_difference_int32), int32_t, int32_t, Elements, squared_int32)
EK_ELEMENTWISE(EK(squared_difference_float32), float, float, Elements, EK_SQUARED)
