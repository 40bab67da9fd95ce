/* ABS of quantised int16; the meaning is defined in abs.py. */
#include "kernel.h"

#include "fixed_point.h"

typedef struct {
    int32_t count, multiplier, shift;
} Rescaled;

/* tensors: input int16 [count], output int16 [count]. */
void ek_abs_int16_twice(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    const Rescaled *p = (const Rescaled *)params;
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t size = input[i] < 0 ? -input[i] : input[i];
        const int32_t scaled = ek_rescale_twice(size, p->multiplier, p->shift);
        output[i] = (int16_t)ek_clamp(scaled, INT16_MIN, INT16_MAX);
    }
}
