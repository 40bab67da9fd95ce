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

enum { EK_CAST_BLOCK = 16 }; /* integers that are converted at once */

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

#define EK_LOAD(type, least, most, end)                                                            \
    for (int32_t i = 0; i < count; i++)                                                            \
        numbers[i] = (int64_t)((const type *)input)[first + i];
#define EK_STORE(type, least, most, end)                                                           \
    for (int32_t i = 0; i < count; i++)                                                            \
        ((type *)output)[first + i] = (type)numbers[i];

/* tensors: input and output of the types [count]. */
void ek_cast_integers(const int32_t *params, void *const *tensors)
{
    CastIntegers p; /* a copy, because the output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const void *input = tensors[0];
    void *output = tensors[1];
    int64_t numbers[EK_CAST_BLOCK];
    /* A bool is an unsigned byte, 0 or 1. */
    const int32_t source = p.source ? p.source : -1, target = p.target ? p.target : -1;
    const int32_t block = EK_CAST_BLOCK;

    for (int32_t first = 0; first < p.count; first += block) {
        const int32_t rest = p.count - first, count = rest < block ? rest : block;
        EK_FOR_INTEGERS(source, EK_LOAD)
        if (p.source == 0 || p.target == 0)
            for (int32_t i = 0; i < count; i++)
                numbers[i] = numbers[i] != 0;
        EK_FOR_INTEGERS(target, EK_STORE)
    }
}
