/* ONE_HOT; the meaning is defined in one_hot.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

typedef struct {
    int32_t outer, depth, inner, bytes;
} OneHot;

/* tensors: indices [outer][inner], on and off of bytes, output [outer][depth][inner] of bytes. */
#define EK_ONE_HOT(kernel, type)                                                                   \
    void kernel(const int32_t *params, void *const *tensors)                                       \
    {                                                                                              \
        const OneHot *p = (const OneHot *)params;                                                  \
        const int32_t depth = p->depth, inner = p->inner;                                          \
        const size_t bytes = (size_t)p->bytes;                                                     \
        const type *indices = (const type *)tensors[0];                                            \
        char *output = (char *)tensors[3];                                                         \
        for (int32_t outer = p->outer; outer > 0; outer--, indices += inner)                       \
            for (int32_t at = 0; at < depth; at++)                                                 \
                for (int32_t i = 0; i < inner; i++, output += bytes)                               \
                    memcpy(output, tensors[(int32_t)(uint32_t)indices[i] == at ? 1 : 2], bytes);   \
    }

EK_ONE_HOT(EK(one_hot_int32), int32_t)
EK_ONE_HOT(EK(one_hot_int64), int64_t)
