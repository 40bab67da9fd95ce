/* DIV; the meaning is defined in div.py. */
#define EK_ROLLED
#include "kernel.h"

#include "activation.h"
#include "broadcast.h"
#include "fixed_point.h"
#include "gemmlowp.h"

typedef struct {
    int32_t a_zero_point, b_zero_point, multiplier, shift, zero_point, lowest, highest;
} Rescaled;

static inline int32_t quotient_rescaled(Rescaled p, int32_t a, int32_t b)
{
    a -= p.a_zero_point;
    b -= p.b_zero_point;
    if (b == 0)
        return a < 0 ? p.lowest : p.highest;
    a = b < 0 ? -a : a;
    b = b < 0 ? -b : b;
    /* Numbers use all bits but the sign's: both are shifted to the left as far as that goes. */
    const int32_t zeros = ek_leading_zeros((uint32_t)b);
    const int32_t share = ek_reciprocal((int32_t)(((uint32_t)b << zeros) - 0x80000000u));
    const int32_t headroom = ek_leading_zeros((uint32_t)(a < 0 ? ~a : a)) - 1;
    const int32_t most = (int32_t)((uint32_t)a << headroom);
    const int32_t quotient = ek_product(ek_product(most, share), p.multiplier);
    const int32_t right = headroom + 31 - zeros - p.shift;
    /* Beyond 31 bits, x86 shifts by 32 bits less, and the rounding looks at the sign alone. */
    const int32_t scaled = right > 31 ? (quotient >> (right - 32)) + (quotient >= 0)
                                      : ek_rounding_shift(quotient, right);
    /* Unsigned, because a large factor may wrap. */
    return ek_clamp((int32_t)((uint32_t)scaled + (uint32_t)p.zero_point), p.lowest, p.highest);
}

typedef struct {
    int32_t lowest, highest;
} Int32;

static inline int32_t quotient_int32(Int32 p, int32_t a, int32_t b)
{
    const int64_t quotient = b == 0 ? 0 : b == -1 ? -(int64_t)a : a / b;
    return quotient > p.highest ? p.highest : quotient < p.lowest ? p.lowest : (int32_t)quotient;
}

typedef struct {
    float lowest, highest;
} Float32;

static inline float quotient_float32(Float32 p, float a, float b)
{
    return ek_clamp_float32(a / b, p.lowest, p.highest);
}

EK_ELEMENTWISE_SMALL(EK(div_int8_twice), int8_t, int8_t, Rescaled, quotient_rescaled)
EK_ELEMENTWISE_SMALL(EK(div_uint8_twice), uint8_t, uint8_t, Rescaled, quotient_rescaled)
EK_ELEMENTWISE_SMALL(EK(div_int32), int32_t, int32_t, Int32, quotient_int32)
EK_ELEMENTWISE(EK(div_float32), float, float, Float32, quotient_float32)
