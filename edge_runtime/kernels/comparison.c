/* Comparisons, whose output is bool, a byte of 0 or 1; the meaning is defined in comparison.py. */
#define EK_ROLLED
#include "kernel.h"

#include "broadcast.h"
#include "fixed_point.h"

typedef struct {
    int32_t less, equal, greater;
} Order;

#define EK_ORDER(p, a, b) ((a) < (b) ? (p).less : (a) > (b) ? (p).greater : (p).equal)

typedef struct {
    int32_t a_zero_point, a_multiplier, a_shift, b_zero_point, b_multiplier, b_shift;
    int32_t less, equal, greater;
} Rescaled;

/* With 8 bits of fraction. */
static inline int32_t order_rescaled(Rescaled p, int32_t a, int32_t b)
{
    const int32_t first = ek_rescale_twice((a - p.a_zero_point) * 256, p.a_multiplier, p.a_shift);
    const int32_t second = ek_rescale_twice((b - p.b_zero_point) * 256, p.b_multiplier, p.b_shift);
    return EK_ORDER(p, first, second);
}

typedef struct {
    int32_t less, equal, greater, unordered;
} Floats;

static inline int32_t order_float32(Floats p, float a, float b)
{
    return a < b ? p.less : a > b ? p.greater : a == b ? p.equal : p.unordered;
}

EK_ELEMENTWISE_SMALL(EK(comparison_int8_twice), int8_t, uint8_t, Rescaled, order_rescaled)
EK_ELEMENTWISE_SMALL(EK(comparison_uint8_twice), uint8_t, uint8_t, Rescaled, order_rescaled)
EK_ELEMENTWISE_SMALL(EK(comparison_int16_twice), int16_t, uint8_t, Rescaled, order_rescaled)
EK_ELEMENTWISE_SMALL(EK(comparison_int16), int16_t, uint8_t, Order, EK_ORDER)
EK_ELEMENTWISE_SMALL(EK(comparison_int32), int32_t, uint8_t, Order, EK_ORDER)
EK_ELEMENTWISE_SMALL(EK(comparison_int64), int64_t, uint8_t, Order, EK_ORDER)
EK_ELEMENTWISE_SMALL(EK(comparison_float32), float, uint8_t, Floats, order_float32)
