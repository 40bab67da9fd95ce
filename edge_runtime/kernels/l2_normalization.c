/* L2_NORMALIZATION; the meaning is defined in l2_normalization.py. */
#define EK_ROLLED
#include "kernel.h"

#include "fixed_point.h"
#include "float_bits.h"
#include "inverse_root.h"
#include "square_root.h"

typedef struct {
    int32_t rows, depth, zero_point;
} Integers;

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
        const Inverse inverse = ek_inverse_root(total);                                            \
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
