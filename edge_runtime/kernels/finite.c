/* Whether float32 numbers are all finite, which the extension asks before a model runs; not an op.
 * tensors: float [count], and int32 [1], which becomes 1 or 0. */
#include "kernel.h"

#include <string.h>

typedef struct {
    int32_t count;
} Finite;

/* All bits set in infinity and NaN, in no finite number. */
static const uint32_t EXPONENT = 0x7f800000;

static inline int all_finite(const float *numbers, int32_t count)
{
    uint32_t some = 0;
    for (int32_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, numbers + i, sizeof bits);
        some |= (bits & EXPONENT) == EXPONENT;
    }
    return !some;
}

EK_TARGET void EK(finite)(const int32_t *params, void *const *tensors)
{
    const Finite *p = (const Finite *)params;
    *(int32_t *)tensors[1] = all_finite((const float *)tensors[0], p->count);
}
