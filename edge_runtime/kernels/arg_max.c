/* ARG_MAX and ARG_MIN; the meaning is defined in arg_max.py. */
#define EK_ROLLED
#include "kernel.h"

typedef struct {
    int32_t outer, depth, inner, wide, flip;
} ArgMax;

typedef struct {
    int32_t outer, depth, inner, wide, sign;
} Float32;

/* tensors: input of the type [outer][depth][inner], output int32 or int64 [outer][inner]. */
#define ARG_MAX(type, compared)                                                                    \
    const type *input = (const type *)tensors[0];                                                  \
    int32_t *narrow = (int32_t *)tensors[1];                                                       \
    int64_t *wide = (int64_t *)tensors[1];                                                         \
    for (int32_t row = 0; row < p.outer; row++, input += p.depth * p.inner) {                      \
        for (int32_t column = 0; column < p.inner; column++) {                                     \
            const type *from = input + column;                                                     \
            type largest = compared(*from);                                                        \
            int32_t position = 0;                                                                  \
            for (int32_t i = 1; i < p.depth; i++) {                                                \
                from += p.inner;                                                                   \
                const type number = compared(*from);                                               \
                if (number > largest) {                                                            \
                    largest = number;                                                              \
                    position = i;                                                                  \
                }                                                                                  \
            }                                                                                      \
            if (p.wide)                                                                            \
                *wide++ = position;                                                                \
            else                                                                                   \
                *narrow++ = position;                                                              \
        }                                                                                          \
    }

#define FLIPPED_INT8(value) ((int8_t)((value) ^ p.flip))
#define FLIPPED_INT32(value) ((value) ^ p.flip)
#define SIGNED(value) ((value) * (float)p.sign)

void ek_arg_max_int8(const int32_t *params, void *const *tensors)
{
    const ArgMax p = *(const ArgMax *)params;
    ARG_MAX(int8_t, FLIPPED_INT8)
}

void ek_arg_max_int32(const int32_t *params, void *const *tensors)
{
    const ArgMax p = *(const ArgMax *)params;
    ARG_MAX(int32_t, FLIPPED_INT32)
}

void ek_arg_max_float32(const int32_t *params, void *const *tensors)
{
    const Float32 p = *(const Float32 *)params;
    ARG_MAX(float, SIGNED)
}
