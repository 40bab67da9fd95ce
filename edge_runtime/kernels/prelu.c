/* PRELU; the meaning is defined in prelu.py. */
#define EK_ROLLED
#include "kernel.h"

#include "broadcast.h"
#include "fixed_point.h"

typedef struct {
    int32_t zero_point, alpha_zero_point, multiplier, shift, negative_multiplier, negative_shift;
    int32_t output_zero_point, lowest, highest;
} Rescaled;

static inline int32_t prelu_rescaled(Rescaled p, int32_t x, int32_t alpha)
{
    x -= p.zero_point;
    const int32_t scaled =
        x < 0 ? ek_rescale_twice(x * (alpha - p.alpha_zero_point), p.negative_multiplier,
                                 p.negative_shift)
              : ek_rescale_twice(x, p.multiplier, p.shift);
    /* Unsigned, because a large factor may wrap. */
    const uint32_t moved = (uint32_t)scaled + (uint32_t)p.output_zero_point;
    return ek_clamp((int32_t)moved, p.lowest, p.highest);
}

#define EK_PRELU(p, x, alpha) ((x) >= 0 ? (x) : (x) * (alpha))

EK_ELEMENTWISE_SMALL(EK(prelu_int8_twice), int8_t, int8_t, Rescaled, prelu_rescaled)
EK_ELEMENTWISE_SMALL(EK(prelu_uint8_twice), uint8_t, uint8_t, Rescaled, prelu_rescaled)
EK_ELEMENTWISE(EK(prelu_float32), float, float, Elements, EK_PRELU)
