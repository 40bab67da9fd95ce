/* TANH; the meaning is defined in tanh.py. */
#define EK_ROLLED
#include "kernel.h"

#include "gemmlowp.h"
#include "sigmoid_float32.h"
#include "sigmoid_table.h"
#include "unary.h"

EK_UNARY(ek_tanh_float32, float, ek_tanh_of)

/* tensors: input int16 [count], table uint16 [256], output int16 [count]. */
void ek_tanh_int16(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    const uint16_t *table = (const uint16_t *)tensors[1];
    int16_t *output = (int16_t *)tensors[2];
    const SigmoidTable *p = (const SigmoidTable *)params;
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t x = ek_moved(input[i], p);
        const int32_t above =
            ek_interpolated(x < 0 ? -x : x, table, 8, (int32_t)65535 << 8) - ((int32_t)1 << 23);
        output[i] = (int16_t)(((x < 0 ? -above - 1 : above) + (1 << 7)) >> 8);
    }
}

/* The shift is to the left. */
typedef struct {
    int32_t count, shift;
} Fixed;

/* tensors: input int16 [count], output int16 [count]. */
void ek_tanh_fixed_int16(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    const Fixed *p = (const Fixed *)params;
    for (int32_t i = 0; i < p->count; i++)
        output[i] = (int16_t)ek_tanh16(ek_clamp16(input[i] * ((int32_t)1 << p->shift)), 3);
}
