/* LOG_SOFTMAX of 8 bits; the meaning is defined in log_softmax.py. */
#define EK_SMALL
#include "kernel.h"

#include "fixed_point.h"
#include "flash.h"
#include "gemmlowp.h"

static inline int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* The logarithm, with 5 integer bits, of a number from 1 on with 12. */
static int32_t logarithm(int32_t x)
{
    const int32_t sqrt_half = 1518500250, root_4_half = 1805811301; /* 2^-1/2, 2^-1/4 */
    const int32_t unit = (int32_t)1 << 25, quarter = unit >> 2;     /* 1 and 1/4, 6 integer bits */
    const int32_t zeros = ek_leading_zeros((uint32_t)x);
    const int32_t high = ek_product((int32_t)((uint32_t)x << (zeros - 1)), sqrt_half);
    const int32_t other = ek_leading_zeros((uint32_t)ek_product(x, sqrt_half)) - 1;
    const int32_t scaled = ek_saturated((int64_t)high * 2);
    const int32_t moved = ek_saturated((int64_t)x * ((int64_t)1 << other));
    const int32_t r = scaled < moved ? scaled : moved;
    const int32_t power = larger((12 - zeros) * unit + quarter, (12 - other) * unit - quarter);

    const int32_t p = (int32_t)(((int64_t)r + root_4_half + 1) >> 1);
    const int32_t q = 2 * (r - root_4_half), square = ek_product(q, q);
    const int32_t numerator =
        ek_product(q, r) + ek_product(ek_product(q, square), 117049297);
    const int32_t inner = 1057819769 + q + ek_product(127690142, square);
    const int32_t denominator = ek_product(p, inner) + ek_product(638450708, q);
    const int32_t quotient =
        ek_product(ek_rounding_shift(numerator, 6), ek_reciprocal(denominator));
    return ek_saturated(((int64_t)ek_product(power, 1488522236) + quotient) * 2);
}

typedef struct {
    int32_t rows, depth, flip, least, multiplier, shift;
} Int8;

/* tensors: input int8 or uint8 [rows][depth], powers int32 [256], steps int32 [256], output int8 or
 * uint8 [rows][depth]. */
void ek_log_softmax_int8_twice(const int32_t *params, void *const *tensors)
{
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *powers = (const int32_t *)tensors[1], *steps = (const int32_t *)tensors[2];
    int8_t *output = (int8_t *)tensors[3];
    const Int8 p = *(const Int8 *)params;
    const int8_t flip = (int8_t)p.flip;
    for (int32_t row = 0; row < p.rows; row++, input += p.depth, output += p.depth) {
        int32_t largest = INT8_MIN, total = 0;
        for (int32_t i = 0; i < p.depth; i++)
            largest = larger(largest, (int8_t)(input[i] ^ flip));
        for (int32_t i = 0; i < p.depth; i++)
            total += ek_flash_int32(&powers[largest - (int8_t)(input[i] ^ flip)]);
        const int32_t log = logarithm(total);
        const int32_t least =
            larger(p.least, ek_rescale_twice(log + INT32_MIN, p.multiplier, p.shift));
        for (int32_t i = 0; i < p.depth; i++) {
            const int32_t below = largest - (int8_t)(input[i] ^ flip);
            int32_t result = INT8_MIN;
            if (-below > least) {
                const int32_t step = ek_flash_int32(&steps[below]);
                const int32_t value = (int32_t)((uint32_t)step - (uint32_t)log);
                result = ek_clamp(ek_rounding_shift(value, 22) + 127, INT8_MIN, INT8_MAX);
            }
            output[i] = (int8_t)(result ^ flip);
        }
    }
}
