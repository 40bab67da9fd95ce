/* FULLY_CONNECTED of int8 whose weights are stored without their zeros, for Cortex-M cores with the
 * DSP extension; the weights are those of fully_connected_int8_sparse.c, as words. */
#include "kernel.h"

#ifdef EK_DSP
#include "gemm_int8_dsp.h"

/* The products of four weights w; the words even and odd have two of their distances each. In
 * assembly, because compilers use two instructions where UXTAB is one. */
#define STEP(half, rotated, weights, side)                                                         \
    "uxtab %[x], %[x], %[" half "]" rotated "\n\t"                                                 \
    "ldrsb %[value], [%[x]]\n\t"                                                                   \
    "smlab" side " %[sum], %[value], " weights ", %[sum]\n\t"
#define FOUR(w, first, second)                                                                     \
    "sxtb16 r3, " w "\n\t"                                                                         \
    "sxtb16 " w ", " w ", ror #8\n\t" STEP("even", first, "r3", "b") STEP("odd", first, w, "b")    \
    STEP("even", second, "r3", "t") STEP("odd", second, w, "t")

/* tensors: input int8 [rows][depth], weights packed, bias, multiplier int32 [outputs],
 * shift int8 [1 + outputs], output int8 [rows][outputs]. */
void ek_fully_connected_int8_once_sparse_dsp(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int32_t depth = layer->depth, outputs = layer->outputs;
    const int8_t *input = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];

    for (int32_t rows = layer->rows; rows > 0; rows--, input += depth) {
        const uint32_t *words = (const uint32_t *)tensors[1];
        for (int32_t o = 0; o < outputs; o++) {
            const int8_t *x = input;
            int32_t sum = ((const int32_t *)tensors[2])[o];
            uint32_t left = *words++;
            if (left) {
                uint32_t even, odd, value;
                __asm__ volatile("1:\n\t"
                                 "ldm %[words]!, {r3-r5}\n\t"
                                 "and %[even], %[halves], r3\n\t"
                                 "and %[odd], %[halves], r3, lsr #4\n\t"
                                 FOUR("r4", "", ", ror #8") FOUR("r5", ", ror #16", ", ror #24")
                                 "subs %[left], #1\n\t"
                                 "bne 1b"
                                 : [x] "+r"(x), [words] "+r"(words), [sum] "+r"(sum),
                                   [left] "+r"(left), [even] "=&r"(even), [odd] "=&r"(odd),
                                   [value] "=&r"(value)
                                 : [halves] "r"(0x0f0f0f0f)
                                 : "r3", "r4", "r5", "cc", "memory");
            }
            output = ek_dsp_finish(params, tensors, o, 1, &sum, output);
        }
    }
}
#endif
