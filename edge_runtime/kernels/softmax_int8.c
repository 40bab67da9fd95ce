/* SOFTMAX of int8 and uint8; the meaning is defined in softmax.py. */
#define EK_ROLLED
#include "kernel.h"

#include "fixed_point.h"
#include "flash.h"
#include "float_bits.h"
#include "softmax_int8.h"

static EkShare share_of_row(const int8_t *row, int32_t depth, int32_t largest, const int32_t *table,
                             int32_t bits, int32_t flip)
{
    uint32_t total = 0;
    for (int32_t i = 0; i < depth; i++) {
        const int32_t power = ek_flash_int32(&table[largest - ek_number(row[i], flip)]);
        total += (uint32_t)ek_rounding_shift(power, 12);
    }
    return ek_share_of(total, bits);
}

typedef struct {
    int32_t rows, depth;
} Int8;

static inline void softmax_twice(const int32_t *params, void *const *tensors, int32_t flip)
{
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *table = (const int32_t *)tensors[1];
    int8_t *output = (int8_t *)tensors[2];
    const Int8 *p = (const Int8 *)params;
    const int32_t rows = p->rows, depth = p->depth;
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        const int32_t largest = ek_largest_int8(input, depth, flip);
        const EkShare share = share_of_row(input, depth, largest, table, 8, flip);
        for (int32_t i = 0; i < depth; i++) {
            const int32_t power = ek_flash_int32(&table[largest - ek_number(input[i], flip)]);
            output[i] = (int8_t)((ek_scaled(share, power, 255) - 128) ^ flip);
        }
    }
}

/* tensors: input int8 [rows][depth], table int32 [256], output int8 [rows][depth]. */
void ek_softmax_int8_twice(const int32_t *params, void *const *tensors)
{
    softmax_twice(params, tensors, 0);
}

/* tensors: input uint8 [rows][depth], table int32 [256], output uint8 [rows][depth]. */
void ek_softmax_uint8_twice(const int32_t *params, void *const *tensors)
{
    softmax_twice(params, tensors, -128);
}

static inline void softmax_int16_twice(const int32_t *params, void *const *tensors, int32_t flip)
{
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *table = (const int32_t *)tensors[1];
    int16_t *output = (int16_t *)tensors[2];
    const Int8 *p = (const Int8 *)params;
    const int32_t rows = p->rows, depth = p->depth;
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        const int32_t largest = ek_largest_int8(input, depth, flip);
        const EkShare share = share_of_row(input, depth, largest, table, 16, flip);
        for (int32_t i = 0; i < depth; i++) {
            const int32_t power = ek_flash_int32(&table[largest - ek_number(input[i], flip)]);
            output[i] = (int16_t)(ek_scaled(share, power, 65535) - 32768);
        }
    }
}

/* tensors: input int8 [rows][depth], table int32 [256], output int16 [rows][depth]. */
void ek_softmax_int8_int16_twice(const int32_t *params, void *const *tensors)
{
    softmax_int16_twice(params, tensors, 0);
}

/* tensors: input uint8 [rows][depth], table int32 [256], output int16 [rows][depth]. */
void ek_softmax_uint8_int16_twice(const int32_t *params, void *const *tensors)
{
    softmax_int16_twice(params, tensors, -128);
}

/* 1 / (the sum of a row's exponentials, in units of the output's scale). */
static float inverse(const int8_t *row, int32_t depth, int32_t largest, const float *table,
                     float scale)
{
    float total = 0;
    for (int32_t i = 0; i < depth; i++)
        total += ek_flash_float(&table[largest - row[i]]);
    return 1 / (total * scale);
}

/* The nearest whole number, halves up. */
static inline int32_t rounded(float value, int32_t highest)
{
    const int32_t whole = (int32_t)value;
    const int32_t nearest = whole + (value - (float)whole >= 0.5f);
    return nearest < highest ? nearest : highest;
}

/* The scale, of the output, is the bits of a float. */
typedef struct {
    int32_t rows, depth, scale;
} Int8Float;

/* tensors: input int8 [rows][depth], table float [256], output int8 [rows][depth]. */
void ek_softmax_int8_float(const int32_t *params, void *const *tensors)
{
    const int8_t *input = (const int8_t *)tensors[0];
    const float *table = (const float *)tensors[1];
    int8_t *output = (int8_t *)tensors[2];
    const Int8Float *p = (const Int8Float *)params;
    const int32_t rows = p->rows, depth = p->depth;
    const float scale = ek_float(&p->scale);
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        const int32_t largest = ek_largest_int8(input, depth, 0);
        const float factor = inverse(input, depth, largest, table, scale);
        for (int32_t i = 0; i < depth; i++) {
            const float power = ek_flash_float(&table[largest - input[i]]);
            output[i] = (int8_t)(rounded(power * factor, 255) - 128);
        }
    }
}

/* tensors: input int8 [rows][depth], table float [256], output int16 [rows][depth]. */
void ek_softmax_int8_int16_float(const int32_t *params, void *const *tensors)
{
    const int8_t *input = (const int8_t *)tensors[0];
    const float *table = (const float *)tensors[1];
    int16_t *output = (int16_t *)tensors[2];
    const Int8Float *p = (const Int8Float *)params;
    const int32_t rows = p->rows, depth = p->depth;
    const float scale = ek_float(&p->scale);
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        const int32_t largest = ek_largest_int8(input, depth, 0);
        const float factor = inverse(input, depth, largest, table, scale);
        for (int32_t i = 0; i < depth; i++) {
            const float power = ek_flash_float(&table[largest - input[i]]);
            output[i] = (int16_t)(rounded(power * factor, 65535) - 32768);
        }
    }
}
