/* EXP, LOG, SIN and COS of float32; the meaning is defined in transcendental.py. */
#define EK_ROLLED
#include "kernel.h"

#include "exponential.h"
#include "flash.h"
#include "float_bits.h"
#include "logarithm.h"
#include "unary.h"

static inline float exponential(float x)
{
    return x == x ? (float)ek_exp((double)x) : x; /* NaN stays */
}

static inline float logarithm(float x)
{
    const int32_t nan = 0x7fc00000, infinity = 0x7f800000;
    const int positive = x > 0 && x < ek_float(&infinity);
    const float special = x == 0 ? -ek_float(&infinity) : x > 0 ? x : ek_float(&nan);
    return positive ? (float)ek_log((double)x) : special;
}

EK_UNARY(EK(transcendental_exp_float32), float, exponential)
EK_UNARY(EK(transcendental_log_float32), float, logarithm)

static inline uint64_t bits_at(const int32_t *table, int32_t word, int32_t bit)
{
    const uint64_t high = (uint32_t)ek_flash_int32(&table[word]);
    const uint64_t both = high << 32 | (uint32_t)ek_flash_int32(&table[word + 1]);
    return (both << bit) >> 32 & 0xffffffffu;
}

/* sin(x + quarters * pi / 2). */
static inline float sine(float x, int32_t quarters, const int32_t *table)
{
    const uint32_t bits = ek_bits(x), size = bits & 0x7fffffffu;
    const int32_t nan = 0x7fc00000, exponent = (int32_t)(size >> 23), positive = (int32_t)size;
    double rest = (double)ek_float(&positive);
    uint32_t quarter = (uint32_t)quarters;
    if (exponent >= 255)
        return ek_float(&nan);
    if (exponent >= 126) { /* from 1/2 on */
        /* |x| * 2 / pi in units of 2^-62, less multiples of 4: the mantissa by those bits of 2 / pi
         * that matter. */
        const uint64_t mantissa = (size & 0x7fffffu) | 0x800000u;
        const int32_t start = exponent - 120, word = start >> 5, bit = start & 31;
        const uint64_t first = bits_at(table, word, bit), next = bits_at(table, word + 1, bit);
        const uint64_t last = bits_at(table, word + 2, bit);
        const uint64_t turns = mantissa * (first << 32 | next) + (mantissa * last >> 32);
        const uint64_t nearest = (turns + ((uint64_t)1 << 61)) >> 62;
        quarter += (uint32_t)nearest;
        rest = (double)(int64_t)(turns - (nearest << 62)) * 3.4061215800865545e-19; /* pi / 2^63 */
    }
    const double s = rest * rest;
    double sum;
    if (quarter & 1) {
        sum = 1.0 / 479001600;
        sum = sum * s - 1.0 / 3628800;
        sum = sum * s + 1.0 / 40320;
        sum = sum * s - 1.0 / 720;
        sum = sum * s + 1.0 / 24;
        sum = sum * s - 0.5;
        sum = sum * s + 1;
    } else {
        sum = 1.0 / 6227020800.0;
        sum = sum * s - 1.0 / 39916800;
        sum = sum * s + 1.0 / 362880;
        sum = sum * s - 1.0 / 5040;
        sum = sum * s + 1.0 / 120;
        sum = sum * s - 1.0 / 6;
        sum = (sum * s + 1) * rest;
    }
    /* The sine of a negative number is that of its size, negative. */
    const int negative = ((quarter & 2) != 0) != (quarters == 0 && bits >> 31);
    return (float)(negative ? -sum : sum);
}

/* tensors: input float [count], table int32 [8], output float [count]. */
void ek_transcendental_sin_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    const int32_t *table = (const int32_t *)tensors[1];
    float *output = (float *)tensors[2];
    const UnaryCount *p = (const UnaryCount *)params;
    for (int32_t i = 0; i < p->count; i++)
        output[i] = sine(input[i], 0, table);
}

/* tensors: input float [count], table int32 [8], output float [count]. */
void ek_transcendental_cos_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    const int32_t *table = (const int32_t *)tensors[1];
    float *output = (float *)tensors[2];
    const UnaryCount *p = (const UnaryCount *)params;
    for (int32_t i = 0; i < p->count; i++)
        output[i] = sine(input[i], 1, table);
}
