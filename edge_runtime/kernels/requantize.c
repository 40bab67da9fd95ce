/* int16 and int32 from one scale to another; the meaning is defined in requantize.py. */
#include "kernel.h"

#include "fixed_point.h"

typedef struct {
    int32_t count, multiplier, shift, zero_point, lowest, highest;
} Requantize;

static int32_t requantized(int32_t value, const Requantize *p)
{
    const int32_t scaled = ek_rescale_twice(value, p->multiplier, p->shift);
    /* Unsigned, because a huge ratio of the scales may wrap. */
    return ek_clamp((int32_t)((uint32_t)scaled + (uint32_t)p->zero_point), p->lowest, p->highest);
}

/* tensors: input [count], output [count]. */
#define EK_REQUANTIZE(kernel, source, target)                                                      \
    void kernel(const int32_t *params, void *const *tensors)                                       \
    {                                                                                              \
        const source *input = (const source *)tensors[0];                                          \
        target *output = (target *)tensors[1];                                                     \
        const Requantize *p = (const Requantize *)params;                                          \
        const int32_t count = p->count; /* a copy, because an int8 output could be params */       \
        for (int32_t i = 0; i < count; i++)                                                        \
            output[i] = (target)requantized(input[i], p);                                          \
    }

EK_REQUANTIZE(EK(requantize_int16_twice), int16_t, int16_t)
EK_REQUANTIZE(EK(requantize_int16_int8_twice), int16_t, int8_t)
EK_REQUANTIZE(EK(requantize_int16_int32_twice), int16_t, int32_t)
EK_REQUANTIZE(EK(requantize_int32_int8_twice), int32_t, int8_t)
EK_REQUANTIZE(EK(requantize_int32_int16_twice), int32_t, int16_t)
