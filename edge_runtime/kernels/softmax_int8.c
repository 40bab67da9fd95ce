/* SOFTMAX; the meaning is defined in softmax.py. */
#include "kernel.h"

#include <string.h>

#include "exponential.h"
#include "fixed_point.h"
#include "flash.h"

static inline int32_t largest_int8(const int8_t *row, int32_t depth)
{
    int8_t largest = -128;
    for (int32_t i = 0; i < depth; i++)
        largest = row[i] > largest ? row[i] : largest;
    return largest;
}

static inline int32_t leading_zeros(uint32_t value)
{
    int32_t zeros = 0;
    for (; zeros < 32 && !(value >> 31); zeros++)
        value <<= 1;
    return zeros;
}

/* A product of numbers with 31 fractional bits. */
static inline int32_t product(int32_t a, int32_t b)
{
    return ek_rescale_twice(a, b, 0);
}

static inline int32_t saturated(int64_t value)
{
    return value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

/* 1 / (1 + x) with 31 fractional bits, for x from 0 to 1: Newton's method in 29 bits. */
static int32_t reciprocal(int32_t x)
{
    const int32_t half = (int32_t)(((int64_t)x + ((int64_t)1 << 31)) >> 1);
    int32_t guess = 1515870810 + product(half, -1010580540); /* 48/17 - 32/17 * half */
    for (int i = 0; i < 3; i++) {
        const int32_t rest = ((int32_t)1 << 29) - product(half, guess);
        guess += saturated((int64_t)product(guess, rest) * 4);
    }
    return saturated((int64_t)guess * 2);
}

/* What a row's exponentials are multiplied by, and the shift to ``bits`` fractional bits. */
typedef struct {
    int32_t reciprocal, right;
} Share;

static Share share(const int8_t *row, int32_t depth, int32_t largest, const int32_t *table,
                   int32_t bits)
{
    uint32_t total = 0; /* 19 fractional bits, at least 1, and by the limit of the depth at most
                           2^31 */
    for (int32_t i = 0; i < depth; i++)
        total += (uint32_t)ek_rounding_shift(ek_flash_int32(&table[largest - row[i]]), 12);
    const int32_t zeros = leading_zeros(total);
    const Share own = {reciprocal((int32_t)((total << zeros) - 0x80000000u)),
                       12 - zeros + 31 - bits};
    return own;
}

static inline int32_t shared(Share own, int32_t power, int32_t highest)
{
    if (own.right > 31)
        return 0;
    const int32_t made = ek_rounding_shift(product(own.reciprocal, power), own.right);
    return made < highest ? made : highest;
}

/* tensors: input int8 [rows][depth], table int32 [256], output int8 [rows][depth]. */
void ek_softmax_int8_twice(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1];
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *table = (const int32_t *)tensors[1];
    int8_t *output = (int8_t *)tensors[2];
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        const int32_t largest = largest_int8(input, depth);
        const Share own = share(input, depth, largest, table, 8);
        for (int32_t i = 0; i < depth; i++) {
            const int32_t power = ek_flash_int32(&table[largest - input[i]]);
            output[i] = (int8_t)(shared(own, power, 255) - 128);
        }
    }
}

/* tensors: input int8 [rows][depth], table int32 [256], output int16 [rows][depth]. */
void ek_softmax_int8_int16_twice(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1];
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *table = (const int32_t *)tensors[1];
    int16_t *output = (int16_t *)tensors[2];
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        const int32_t largest = largest_int8(input, depth);
        const Share own = share(input, depth, largest, table, 16);
        for (int32_t i = 0; i < depth; i++) {
            const int32_t power = ek_flash_int32(&table[largest - input[i]]);
            output[i] = (int16_t)(shared(own, power, 65535) - 32768);
        }
    }
}

/* 1 / (the sum of a row's exponentials, in units of the output's scale). */
static float inverse(const int8_t *row, int32_t depth, int32_t largest, const float *table,
                     int32_t scale_bits)
{
    float total = 0, scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    for (int32_t i = 0; i < depth; i++)
        total += ek_flash_float(&table[largest - row[i]]);
    return 1 / (total * scale);
}

/* The nearest whole number, halves up. */
static inline int32_t rounded(float value, int32_t highest)
{
    const int32_t whole = (int32_t)value;
    const int32_t made = whole + (value - (float)whole >= 0.5f);
    return made < highest ? made : highest;
}

/* tensors: input int8 [rows][depth], table float [256], output int8 [rows][depth]. */
void ek_softmax_int8_float(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1], scale_bits = params[2];
    const int8_t *input = (const int8_t *)tensors[0];
    const float *table = (const float *)tensors[1];
    int8_t *output = (int8_t *)tensors[2];
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        const int32_t largest = largest_int8(input, depth);
        const float own = inverse(input, depth, largest, table, scale_bits);
        for (int32_t i = 0; i < depth; i++) {
            const float power = ek_flash_float(&table[largest - input[i]]);
            output[i] = (int8_t)(rounded(power * own, 255) - 128);
        }
    }
}

/* tensors: input int8 [rows][depth], table float [256], output int16 [rows][depth]. */
void ek_softmax_int8_int16_float(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1], scale_bits = params[2];
    const int8_t *input = (const int8_t *)tensors[0];
    const float *table = (const float *)tensors[1];
    int16_t *output = (int16_t *)tensors[2];
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        const int32_t largest = largest_int8(input, depth);
        const float own = inverse(input, depth, largest, table, scale_bits);
        for (int32_t i = 0; i < depth; i++) {
            const float power = ek_flash_float(&table[largest - input[i]]);
            output[i] = (int16_t)(rounded(power * own, 65535) - 32768);
        }
    }
}

/* What an int16 table has for a value, interpolated between its 513 entries. */
static inline int32_t looked_up(int32_t value, const int16_t *table)
{
    value = ek_clamp(value, -32768, 32767);
    const int16_t *base = table + 256 + (value >> 7);
    const int32_t below = ek_flash_int16(base), above = ek_flash_int16(base + 1);
    return below + (((above - below) * (value & 127) + 64) >> 7);
}

/* exp of how far ``value`` is below the largest, 15 fractional bits. */
static inline int32_t power_int16(const int32_t *params, int32_t value, int32_t largest,
                                  const int16_t *table)
{
    const int32_t scaled = ek_rescale_twice(value - largest, params[2], params[3]);
    /* Unsigned, because a large multiplier may wrap. */
    return looked_up((int32_t)((uint32_t)scaled + 32767u), table);
}

/* tensors: input int16 [rows][depth], exponentials and reciprocals int16 [513], output int16
 * [rows][depth]. */
void ek_softmax_int16_twice(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1];
    const int16_t *input = (const int16_t *)tensors[0];
    const int16_t *exponentials = (const int16_t *)tensors[1];
    const int16_t *reciprocals = (const int16_t *)tensors[2];
    int16_t *output = (int16_t *)tensors[3];
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        int16_t largest = INT16_MIN;
        for (int32_t i = 0; i < depth; i++)
            largest = input[i] > largest ? input[i] : largest;
        int32_t total = 0; /* 15 fractional bits */
        for (int32_t i = 0; i < depth; i++)
            total += power_int16(params, input[i], largest, exponentials);
        /* From 1 to 2 with 16 fractional bits, less 1, less half the table. */
        const int32_t zeros = leading_zeros((uint32_t)total);
        const int64_t above = ((((int64_t)total << (zeros - 1)) + 8192) >> 14) - 65536 - 32768;
        const int64_t factor = looked_up((int32_t)above, reciprocals);
        const int32_t right = 31 - zeros;
        const int64_t half = (int64_t)1 << (right - 1);
        for (int32_t i = 0; i < depth; i++) {
            const int64_t power = power_int16(params, input[i], largest, exponentials);
            output[i] = (int16_t)ek_clamp((int32_t)((power * factor + half) >> right), 0, 32767);
        }
    }
}

/* tensors: input float [rows][depth], output float [rows][depth]. */
void ek_softmax_float32(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1];
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1], beta;
    memcpy(&beta, &params[2], sizeof beta);
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        double largest = -3.4028234663852886e38, total = 0; /* the least finite float */
        for (int32_t i = 0; i < depth; i++)
            largest = (double)input[i] > largest ? (double)input[i] : largest;
        for (int32_t i = 0; i < depth; i++) {
            const double power = ek_exp(((double)input[i] - largest) * (double)beta);
            output[i] = (float)power;
            total += power;
        }
        for (int32_t i = 0; i < depth; i++)
            output[i] = (float)((double)output[i] / total);
    }
}
