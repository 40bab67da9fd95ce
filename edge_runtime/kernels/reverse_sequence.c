/* REVERSE_SEQUENCE; the meaning is defined in reverse_sequence.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

typedef struct {
    int32_t outer, first, middle, second, bytes, batch_first;
} ReverseSequence;

/* Where the step of a sequence comes from. */
static inline int32_t reversed(int32_t step, int64_t length, int32_t steps)
{
    const int32_t end = length < steps ? (int32_t)length : steps;
    return length > 0 && step < end ? end - 1 - step : step;
}

/* tensors: input [outer][first][middle][second] of bytes, lengths, output. */
#define EK_REVERSE_SEQUENCE(kernel, type)                                                          \
    void kernel(const int32_t *params, void *const *tensors)                                       \
    {                                                                                              \
        const ReverseSequence *p = (const ReverseSequence *)params;                                \
        const int32_t first = p->first, middle = p->middle, second = p->second;                    \
        const size_t bytes = (size_t)p->bytes, row = (size_t)second * bytes;                       \
        const size_t block = (size_t)middle * row;                                                 \
        const char *input = (const char *)tensors[0];                                              \
        const type *lengths = (const type *)tensors[1];                                            \
        char *output = (char *)tensors[2];                                                         \
        for (int32_t o = p->outer; o > 0; o--, input += (size_t)first * block)                     \
            for (int32_t f = 0; f < first; f++)                                                    \
                for (int32_t m = 0; m < middle; m++)                                               \
                    for (int32_t s = 0; s < second; s++, output += bytes) {                        \
                        int32_t x = f, y = s;                                                      \
                        if (p->batch_first)                                                        \
                            y = reversed(s, lengths[f], second);                                   \
                        else                                                                       \
                            x = reversed(f, lengths[s], first);                                    \
                        const char *from = input + (size_t)x * block + (size_t)m * row;            \
                        memcpy(output, from + (size_t)y * bytes, bytes);                           \
                    }                                                                              \
    }

EK_REVERSE_SEQUENCE(EK(reverse_sequence_int32), int32_t)
EK_REVERSE_SEQUENCE(EK(reverse_sequence_int64), int64_t)
