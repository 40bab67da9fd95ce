/* L2_NORMALIZATION; the meaning is defined in l2_normalization.py. */
#define EK_ROLLED
#include "kernel.h"

#include "fixed_point.h"
#include "float_bits.h"
#include "gemmlowp.h"
#include "square_root.h"

typedef struct {
    int32_t rows, depth, zero_point;
} Integers;

/* The inverse of a root: a multiplier and a shift to the right. */
typedef struct {
    int32_t multiplier, right;
} Inverse;

static Inverse inverse_root(int32_t total)
{
    Inverse inverse = {INT32_MAX, 0};
    if (total <= 1)
        return inverse;
    inverse.right = 11;
    for (; total >= (int32_t)1 << 29; total >>= 2)
        inverse.right++;
    const int32_t pairs = (ek_leading_zeros((uint32_t)total) - 1) / 2 - 1;
    inverse.right -= pairs;
    total = (int32_t)((uint32_t)total << 2 * pairs);
    const int32_t half = ((total >> 1) + 1) >> 1;
    int32_t x = (int32_t)1 << 28; /* 1, in 3 integer bits */
    for (int i = 0; i < 5; i++) {
        const int32_t cube = ek_product(ek_product(x, x), x);
        const int32_t three_halves = ((int32_t)1 << 28) + ((int32_t)1 << 27);
        const int32_t next = ek_product(three_halves, x) -
                             ek_product(half, ek_saturated((int64_t)cube * 64));
        x = ek_saturated((int64_t)next * 8);
    }
    inverse.multiplier = ek_product(x, 1518500250); /* sqrt(1/2) */
    for (; inverse.right < 0; inverse.right++)
        inverse.multiplier = (int32_t)((uint32_t)inverse.multiplier << 1);
    return inverse;
}

/* tensors: input of the type [rows][depth], output of the type [rows][depth], its element rescaled
 * by normalized(x, inverse). */
#define L2_NORMALIZATION(type, normalized)                                                         \
    const type *input = (const type *)tensors[0];                                                  \
    type *output = (type *)tensors[1];                                                             \
    const Integers p = *(const Integers *)params;                                                  \
    for (int32_t row = 0; row < p.rows; row++, input += p.depth, output += p.depth) {              \
        int32_t total = 0;                                                                         \
        for (int32_t i = 0; i < p.depth; i++)                                                      \
            total += (input[i] - p.zero_point) * (input[i] - p.zero_point);                        \
        const Inverse inverse = inverse_root(total);                                               \
        for (int32_t i = 0; i < p.depth; i++)                                                      \
            output[i] = (type)normalized(input[i] - p.zero_point, inverse);                        \
    }

static inline int32_t normalized_int8(int32_t x, Inverse inverse)
{
    const int32_t scaled = ek_rescale_twice(x, inverse.multiplier, 7 - inverse.right);
    return ek_clamp(scaled, INT8_MIN, INT8_MAX);
}

static inline int32_t normalized_uint8(int32_t x, Inverse inverse)
{
    const int32_t scaled = ek_rescale_twice(128 * x, inverse.multiplier, -inverse.right);
    return ek_clamp(scaled + 128, 0, UINT8_MAX);
}

void ek_l2_normalization_int8_twice(const int32_t *params, void *const *tensors)
{
    L2_NORMALIZATION(int8_t, normalized_int8)
}

void ek_l2_normalization_uint8_twice(const int32_t *params, void *const *tensors)
{
    L2_NORMALIZATION(uint8_t, normalized_uint8)
}

/* Epsilon is the bits of a float. */
typedef struct {
    int32_t rows, depth, epsilon;
} Float32;

/* tensors: input float [rows][depth], output float [rows][depth]. */
void ek_l2_normalization_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1];
    const Float32 p = *(const Float32 *)params;
    const float epsilon = ek_float(&p.epsilon);
    for (int32_t row = 0; row < p.rows; row++, input += p.depth, output += p.depth) {
        float total = 0;
        for (int32_t i = 0; i < p.depth; i++)
            total += input[i] * input[i];
        const float root = ek_square_root(total), divisor = root < epsilon ? epsilon : root;
        for (int32_t i = 0; i < p.depth; i++)
            output[i] = input[i] / divisor;
    }
}
