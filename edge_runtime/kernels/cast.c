/* CAST; the meaning is defined in cast.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

typedef struct {
    int32_t count, type;
} CastFloat;

typedef struct {
    int32_t count, source, target;
} CastIntegers;

enum { EK_CAST_BLOCK = 64 }; /* of bool, which are made 0 or 1 before they are converted */

/* A loop for the integer type of a code: its bytes, -1 of uint8. */
#define EK_FOR_INTEGERS(code, LOOP)                                                                \
    if (code == 1) {                                                                               \
        LOOP(int8_t, INT8_MIN, INT8_MAX, 128.0f)                                                   \
    } else if (code == 2) {                                                                        \
        LOOP(int16_t, INT16_MIN, INT16_MAX, 32768.0f)                                              \
    } else if (code == 4) {                                                                        \
        LOOP(int32_t, INT32_MIN, INT32_MAX, 2147483648.0f)                                         \
    } else if (code == 8) {                                                                        \
        LOOP(int64_t, INT64_MIN, INT64_MAX, 9223372036854775808.0f)                                \
    } else {                                                                                       \
        LOOP(uint8_t, 0, UINT8_MAX, 256.0f)                                                        \
    }

#define EK_TO_FLOAT32(type, least, most, end)                                                      \
    for (int32_t i = 0; i < p.count; i++)                                                          \
        output[i] = (float)((const type *)input)[i];

/* tensors: input of the type [count], output float [count]. */
void ek_cast_to_float32(const int32_t *params, void *const *tensors)
{
    CastFloat p; /* a copy, because the output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const void *input = tensors[0];
    float *output = (float *)tensors[1];
    if (p.type == 0) { /* bool */
        for (int32_t i = 0; i < p.count; i++)
            output[i] = ((const uint8_t *)input)[i] ? 1.0f : 0.0f;
        return;
    }
    EK_FOR_INTEGERS(p.type, EK_TO_FLOAT32)
}

/* What is not a number becomes the greatest one. */
#define EK_FROM_FLOAT32(type, least, most, end)                                                    \
    for (int32_t i = 0; i < p.count; i++) {                                                        \
        const float x = input[i];                                                                  \
        ((type *)output)[i] = !(x < end) ? most : x < (float)least ? least : (type)x;              \
    }

/* tensors: input float [count], output of the type [count]. */
void ek_cast_from_float32(const int32_t *params, void *const *tensors)
{
    CastFloat p; /* a copy, because the output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const float *input = (const float *)tensors[0];
    void *output = tensors[1];
    if (p.type == 0) { /* bool */
        for (int32_t i = 0; i < p.count; i++)
            ((uint8_t *)output)[i] = !(input[i] == 0.0f);
        return;
    }
    EK_FOR_INTEGERS(p.type, EK_FROM_FLOAT32)
}

#define EK_CAST(To)                                                                                \
    for (int32_t i = 0; i < count; i++)                                                            \
        ((To *)output)[i] = (To)input[i];

/* Defines a function that keeps the low bits of integers, by how many bytes they become. */
#define EK_CAST_FROM(name, From)                                                                   \
    static void name(const From *input, void *output, int32_t bytes, int32_t count)                \
    {                                                                                              \
        if (bytes == 1) {                                                                          \
            EK_CAST(uint8_t)                                                                       \
        } else if (bytes == 2) {                                                                   \
            EK_CAST(uint16_t)                                                                      \
        } else if (bytes == 4) {                                                                   \
            EK_CAST(uint32_t)                                                                      \
        } else {                                                                                   \
            EK_CAST(uint64_t)                                                                      \
        }                                                                                          \
    }

EK_CAST_FROM(cast_int8, int8_t)
EK_CAST_FROM(cast_int16, int16_t)
EK_CAST_FROM(cast_int32, int32_t)
EK_CAST_FROM(cast_int64, int64_t)
EK_CAST_FROM(cast_uint8, uint8_t)

#define EK_NOT_ZERO(type, least, most, end)                                                        \
    for (int32_t i = 0; i < count; i++)                                                            \
        output[i] = ((const type *)input)[i] != 0;

/* Integers as bool, which is an unsigned byte, 0 or 1. */
static void cast_to_bool(const void *input, uint8_t *output, int32_t type, int32_t count)
{
    EK_FOR_INTEGERS(type, EK_NOT_ZERO)
}

/* tensors: input and output of the types [count]. */
void ek_cast_integers(const int32_t *params, void *const *tensors)
{
    CastIntegers p; /* a copy, because the output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const void *input = tensors[0];
    void *output = tensors[1];
    const int32_t bytes = p.target < 0 ? 1 : p.target;
    if (p.target == 0) {
        cast_to_bool(input, (uint8_t *)output, p.source, p.count);
    } else if (p.source == 1) {
        cast_int8((const int8_t *)input, output, bytes, p.count);
    } else if (p.source == 2) {
        cast_int16((const int16_t *)input, output, bytes, p.count);
    } else if (p.source == 4) {
        cast_int32((const int32_t *)input, output, bytes, p.count);
    } else if (p.source == 8) {
        cast_int64((const int64_t *)input, output, bytes, p.count);
    } else if (p.source < 0) {
        cast_uint8((const uint8_t *)input, output, bytes, p.count);
    } else {
        const int32_t block = EK_CAST_BLOCK;
        uint8_t numbers[EK_CAST_BLOCK];
        for (int32_t first = 0; first < p.count; first += block) {
            const int32_t rest = p.count - first, count = rest < block ? rest : block;
            cast_to_bool((const uint8_t *)input + first, numbers, -1, count);
            cast_uint8(numbers, (uint8_t *)output + (ptrdiff_t)first * bytes, bytes, count);
        }
    }
}
