/* CONCATENATION with AVX2: vectors, that may reach beyond a part, in place of calls for its bytes. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

enum { BYTES = 32, LONG = 128 }; /* of a vector; and of parts that calls copy as quickly */

/* tensors: the inputs, int32 [inputs] bytes of a row of each, output. */
__attribute__((target("avx2"))) void ek_concatenation_avx2(const int32_t *params,
                                                           void *const *tensors)
{
    const int32_t rows = params[0], inputs = params[1]; /* concatenation.c */
    const int32_t *lengths = (const int32_t *)tensors[inputs];
    char *output = (char *)tensors[inputs + 1];
    int32_t shortest = BYTES;
    for (int32_t i = 0; i < inputs; i++)
        shortest = lengths[i] < shortest ? lengths[i] : shortest;
    /* The last rows, behind which there are fewer bytes than a vector has. */
    const int32_t last = 1 + (BYTES - 1) / shortest;

    for (int32_t row = 0; row < rows; row++)
        for (int32_t i = 0; i < inputs; i++) {
            const ptrdiff_t length = lengths[i];
            const char *input = (const char *)tensors[i] + row * length;
            if (length > LONG || row >= rows - last)
                memcpy(output, input, (size_t)length);
            else /* what comes next is written over what is beyond */
                for (ptrdiff_t k = 0; k < length; k += BYTES)
                    _mm256_storeu_si256((void *)(output + k),
                                        _mm256_loadu_si256((const void *)(input + k)));
            output += length;
        }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
