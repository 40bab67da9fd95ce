/* Kernels of one number: the output is a function of it, and may lie where the input lies. */
#ifndef EK_UNARY_H
#define EK_UNARY_H

#include <stdint.h>

/* Parameters of those that need no others. */
typedef struct {
    int32_t count;
} UnaryCount;

/* Defines a kernel by function(x). tensors: input [count], output [count] of the same type. */
#define EK_UNARY(kernel, type, function)                                                           \
    void kernel(const int32_t *params, void *const *tensors)                                       \
    {                                                                                              \
        const type *input = (const type *)tensors[0];                                              \
        type *output = (type *)tensors[1];                                                         \
        const int32_t count = ((const UnaryCount *)params)->count;                                 \
        for (int32_t i = 0; i < count; i++)                                                        \
            output[i] = function(input[i]);                                                        \
    }

#endif
