/* SQRT and RSQRT; the meaning is defined in roots.py. */
#include "kernel.h"

#include "float_bits.h"
#include "square_root.h"
#include "unary.h"

static inline float root_of(float x)
{
    const int32_t nan = 0x7fc00000;
    return x >= 0 ? ek_square_root(x) : ek_float(&nan);
}

static inline float inverse_root(float x)
{
    return 1.0f / root_of(x);
}

EK_UNARY(EK(roots_sqrt_float32), float, root_of)
EK_UNARY(EK(roots_rsqrt_float32), float, inverse_root)

/* The scales are the bits of floats. */
typedef struct {
    int32_t count, scale, output_scale;
} Scaled;

/* tensors: input int16 [count], output int16 [count]. */
void ek_roots_sqrt_int16(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    const Scaled *p = (const Scaled *)params;
    const float scale = ek_float(&p->scale), output_scale = ek_float(&p->output_scale);
    for (int32_t i = 0; i < p->count; i++) {
        const float real = (float)(input[i] > 0 ? input[i] : 0) * scale;
        const float steps = root_of(real) / output_scale;
        output[i] = (int16_t)(steps < 32767 ? steps : 32767.0f);
    }
}
