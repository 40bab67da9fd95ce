/* FULLY_CONNECTED of int8 for Cortex-M cores with the DSP extension; see gemm_int8_dsp.h. */
#include "kernel.h"

#ifdef EK_DSP
#include "gemm_int8_dsp.h"

/* In assembly, because compilers do not form LDM of weights and run out of registers. A pass sums
 * up 6 outputs, whose sums T and A fill the registers, or 2. */
#define SIX                                                                                        \
    "ldm r1!, {r3-r5}\n\t" EK_DSP_MAC("r8", "r9", "r7", "r3")                                      \
    EK_DSP_MAC("r10", "r11", "r7", "r4") EK_DSP_MAC("r12", "lr", "r7", "r5")
#define SIX_BY_WORD                                                                                \
    "ldr r6, [r0], #4\n\t"                                                                         \
    "sxtb16 r7, r6\n\t" SIX "sxtb16 r7, r6, ror #8\n\t" SIX
#define TWO_BY_WORD                                                                                \
    "ldr r6, [r0], #4\n\t"                                                                         \
    "ldm r1!, {r3-r4}\n\t"                                                                         \
    "sxtb16 r7, r6\n\t" EK_DSP_MAC("r8", "r9", "r7", "r3")                                         \
    "sxtb16 r7, r6, ror #8\n\t" EK_DSP_MAC("r8", "r9", "r7", "r4")

/* Two words per round; the first round has one if their number is odd. */
#define ROUNDS(by_word)                                                                            \
    "tst r2, #1\n\t"                                                                               \
    "bne 2f\n"                                                                                     \
    "1:\n\t" by_word "2:\n\t" by_word "subs r2, #2\n\t"                                            \
    "bgt 1b\n\t"

#define ARGUMENTS                                                                                  \
    register const int8_t *x __asm__("r0") = input;                                                \
    register const uint32_t *w __asm__("r1") = weights;                                            \
    register int32_t n __asm__("r2") = words;                                                      \
    register int32_t *to __asm__("r3") = totals;                                                   \
    register const int32_t *from __asm__("r12") = start

/* totals = start + weights * input; returns the address of the next weights. */
typedef const uint32_t *pass(const int8_t *, const uint32_t *, int32_t, int32_t *, const int32_t *);

static const uint32_t *sum_six(const int8_t *input, const uint32_t *weights, int32_t words,
                               int32_t *totals, const int32_t *start)
{
    ARGUMENTS;
    __asm__ volatile("push {r3-r12, lr}\n\t"
                     "mov r8, #0\n\t"
                     "mov r9, #0\n\t"
                     "mov r10, #0\n\t"
                     "mov r11, #0\n\t"
                     "mov r12, #0\n\t"
                     "mov lr, #0\n\t" ROUNDS(SIX_BY_WORD)
                     "pop {r3}\n\t"
                     "ldr r7, [sp, #32]\n\t"
                     "ldm r7, {r0, r2, r4-r7}\n\t" EK_DSP_ADD("r0", "r2", "r8", "r9")
                     EK_DSP_ADD("r4", "r5", "r10", "r11") EK_DSP_ADD("r6", "r7", "r12", "lr")
                     "stm r3, {r0, r2, r4-r7}\n\t"
                     "pop {r4-r12, lr}"
                     : "+r"(x), "+r"(w), "+r"(n)
                     : "r"(to), "r"(from)
                     : "cc", "memory");
    return w;
}

static const uint32_t *sum_two(const int8_t *input, const uint32_t *weights, int32_t words,
                               int32_t *totals, const int32_t *start)
{
    ARGUMENTS;
    __asm__ volatile("push {r3-r9}\n\t"
                     "mov r8, #0\n\t"
                     "mov r9, #0\n\t" ROUNDS(TWO_BY_WORD)
                     "pop {r3}\n\t"
                     "ldm r12, {r0, r2}\n\t" EK_DSP_ADD("r0", "r2", "r8", "r9")
                     "stm r3, {r0, r2}\n\t"
                     "pop {r4-r9}"
                     : "+r"(x), "+r"(w), "+r"(n)
                     : "r"(to), "r"(from)
                     : "cc", "memory");
    return w;
}

/* tensors: input int8 [rows][depth], weights packed, bias int32 [outputs, padded], multiplier,
 * shift int32 [outputs], output int8 [rows][outputs]. */
void ek_fully_connected_int8_once_dsp(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8Dsp *const layer = (const FullyConnectedInt8Dsp *)params;
    const int32_t depth = layer->depth, outputs = layer->outputs, chunk = layer->chunk;
    const int8_t *input = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];

    for (int32_t rows = layer->rows; rows > 0; rows--, input += depth) {
        const uint32_t *weights = (const uint32_t *)tensors[1];
        for (int32_t o = 0, count; o < outputs; o += count) {
            const int32_t *start = (const int32_t *)tensors[2] + o;
            int32_t totals[6];
            const int32_t left = outputs - o, most = left > 4 ? 6 : 2;
            pass *const sum = left > 4 ? sum_six : sum_two;
            count = left < most ? left : most;
            for (int32_t k = 0, words; k < depth; k += 4 * words) {
                words = (depth - k) / 4;
                if (words > chunk)
                    words = chunk;
                if (words == 0) { /* the last 4 inputs, some with weights of 0 */
                    words = 1;
                    k = depth - 4;
                }
                weights = sum(input + k, weights, words, totals, start);
                start = totals;
            }
            output = ek_dsp_finish(params, tensors, o, count, totals, output);
        }
    }
}
#endif
