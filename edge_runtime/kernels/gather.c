/* GATHER; the meaning is defined in gather.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

typedef struct {
    int32_t batches, outer, axis, coordinates, bytes;
} Gather;

/* tensors: input [batches][outer][axis][bytes], indices [batches][coordinates], output. */
#define EK_GATHER(type)                                                                            \
    Gather p; /* a copy, because the output could be params to the compiler */                     \
    memcpy(&p, params, sizeof p);                                                                  \
    const char *input = (const char *)tensors[0];                                                  \
    const type *indices = (const type *)tensors[1];                                                \
    char *output = (char *)tensors[2];                                                             \
    const size_t bytes = (size_t)p.bytes, slice = (size_t)p.axis * bytes;                          \
                                                                                                   \
    for (int32_t batch = 0; batch < p.batches; batch++, indices += p.coordinates)                  \
        for (int32_t row = 0; row < p.outer; row++, input += slice)                                \
            for (int32_t i = 0; i < p.coordinates; i++, output += bytes) {                         \
                const type at = indices[i];                                                        \
                if (at >= 0 && at < p.axis)                                                        \
                    memcpy(output, input + (size_t)at * bytes, bytes);                             \
                else                                                                               \
                    memset(output, 0, bytes);                                                      \
            }

void ek_gather_int32(const int32_t *params, void *const *tensors)
{
    EK_GATHER(int32_t)
}

void ek_gather_int64(const int32_t *params, void *const *tensors)
{
    EK_GATHER(int64_t)
}
