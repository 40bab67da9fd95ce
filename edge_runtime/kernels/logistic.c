/* LOGISTIC; the meaning is defined in logistic.py. */
#define EK_ROLLED
#include "kernel.h"

#include "exponential.h"
#include "gemmlowp.h"
#include "sigmoid_float32.h"
#include "sigmoid_table.h"
#include "unary.h"

typedef struct {
    int32_t count;
    float below;
} Float32;

/* tensors: input float [count], output float [count]. */
void ek_logistic_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1];
    const Float32 *p = (const Float32 *)params;
    for (int32_t i = 0; i < p->count; i++) {
        const float x = input[i];
        output[i] = x < p->below ? (float)ek_exp((double)x) : ek_logistic_of(x);
    }
}

/* tensors: input int16 [count], table uint16 [256], output int16 [count]. */
void ek_logistic_int16(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    const uint16_t *table = (const uint16_t *)tensors[1];
    int16_t *output = (int16_t *)tensors[2];
    const SigmoidTable *p = (const SigmoidTable *)params;
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t x = ek_moved(input[i], p);
        const int32_t above = ek_interpolated(x < 0 ? -x : x, table, 9, (int32_t)32767 << 10);
        output[i] = (int16_t)(((x < 0 ? ((int32_t)1 << 25) - 1 - above : above) + (1 << 9)) >> 10);
    }
}

static inline int16_t fixed_point(int16_t x)
{
    return (int16_t)ek_logistic16(x, 3);
}

EK_UNARY(ek_logistic_fixed_int16, int16_t, fixed_point)
