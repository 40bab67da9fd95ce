/* SQRT and RSQRT; the meaning is defined in roots.py. */
#include "kernel.h"

#include "double_bits.h"
#include "float_bits.h"
#include "unary.h"

/* The square root, rounded correctly: that of a float is never so near to the middle between two
 * floats that the last bit of a double decides. */
static inline float square_root(float x)
{
    const double wide = (double)x;
    /* A first guess from the bits, within 3.5 %, and Newton's method. */
    double inverse = ek_double(0x5fe6eb50c7b537a9u - (ek_double_bits(wide) >> 1));
    inverse = inverse * (1.5 - 0.5 * wide * inverse * inverse);
    inverse = inverse * (1.5 - 0.5 * wide * inverse * inverse);
    inverse = inverse * (1.5 - 0.5 * wide * inverse * inverse);
    const double near = wide * inverse, root = 0.5 * (near + wide / near);
    const int32_t nan = 0x7fc00000, infinity = 0x7f800000;
    const float special = x >= 0 ? x : ek_float(&nan); /* 0, -0 and infinity */
    return x > 0 && x < ek_float(&infinity) ? (float)root : special;
}

static inline float inverse_root(float x)
{
    return 1.0f / square_root(x);
}

EK_UNARY(EK(roots_sqrt_float32), float, square_root)
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
        const float steps = square_root(real) / output_scale;
        output[i] = (int16_t)(steps < 32767 ? steps : 32767.0f);
    }
}
