/* FULLY_CONNECTED of int8 for Cortex-M cores with the DSP extension; see gemm_int8_dsp.h. */
#include "kernel.h"

#ifdef EK_DSP
#include "gemm_int8_dsp.h"

enum { MOST = 6 }; /* outputs of a pass */

/* In assembly, because compilers do not form LDM of weights and run out of registers. A pass sums
 * up 6 outputs, whose sums A and T fill the registers, 4 or 2. Both begin with the total of a. */
#define WORD_OF(pairs)                                                                             \
    "ldr r6, [r0], #4\n\t"                                                                         \
    "sxtb16 r7, r6\n\t" pairs "sxtb16 r7, r6, ror #8\n\t" pairs
#define SIX                                                                                        \
    "ldm r1!, {r3-r5}\n\t" EK_DSP_MAC("r9", "r8", "r7", "r3")                                      \
    EK_DSP_MAC("r11", "r10", "r7", "r4") EK_DSP_MAC("lr", "r12", "r7", "r5")
#define FOUR                                                                                       \
    "ldm r1!, {r3-r4}\n\t" EK_DSP_MAC("r9", "r8", "r7", "r3")                                      \
    EK_DSP_MAC("r11", "r10", "r7", "r4")
#define TWO_BY_WORD(even, odd)                                                                     \
    "ldr r6, [r0], #4\n\t"                                                                         \
    "sxtb16 r7, r6\n\t" EK_DSP_MAC("r9", "r8", "r7", even)                                         \
    "sxtb16 r7, r6, ror #8\n\t" EK_DSP_MAC("r9", "r8", "r7", odd)
#define TWO_WORDS "ldm r1!, {r3-r5, lr}\n\t" TWO_BY_WORD("r3", "r4") TWO_BY_WORD("r5", "lr")

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

/* totals = start + weights * input; these return the address of the next weights. */
static const uint32_t *sum_six(const int8_t *input, const uint32_t *weights, int32_t words,
                               int32_t *totals, const int32_t *start)
{
    ARGUMENTS;
    __asm__ volatile("push {r3-r12, lr}\n\t"
                     "ldm r12, {r8-r12, lr}\n\t"
                     "mov r9, r8\n\t"
                     "mov r11, r10\n\t"
                     "mov lr, r12\n\t" ROUNDS(WORD_OF(SIX))
                     "pop {r3}\n\t"
                     "ldr r7, [sp, #32]\n\t"
                     "ldm r7, {r0, r2, r4-r7}\n\t" EK_DSP_B("r9", "r8", "r2")
                     EK_DSP_B("r11", "r10", "r5") EK_DSP_B("lr", "r12", "r7")
                     "stm r3, {r8-r12, lr}\n\t"
                     "pop {r4-r12, lr}"
                     : "+r"(x), "+r"(w), "+r"(n)
                     : "r"(to), "r"(from)
                     : "cc", "memory");
    return w;
}

static const uint32_t *sum_four(const int8_t *input, const uint32_t *weights, int32_t words,
                                int32_t *totals, const int32_t *start)
{
    ARGUMENTS;
    __asm__ volatile("push {r3-r11}\n\t"
                     "ldm r12, {r8-r11}\n\t"
                     "mov r9, r8\n\t"
                     "mov r11, r10\n\t" ROUNDS(WORD_OF(FOUR))
                     "pop {r3}\n\t"
                     "ldm r12, {r0, r2, r4-r5}\n\t" EK_DSP_B("r9", "r8", "r2")
                     EK_DSP_B("r11", "r10", "r5")
                     "stm r3, {r8-r11}\n\t"
                     "pop {r4-r11}"
                     : "+r"(x), "+r"(w), "+r"(n)
                     : "r"(to), "r"(from)
                     : "cc", "memory");
    return w;
}

/* Single words until there are rounds of four, with weights of two words in one LDM. */
static const uint32_t *sum_two(const int8_t *input, const uint32_t *weights, int32_t words,
                               int32_t *totals, const int32_t *start)
{
    ARGUMENTS;
    __asm__ volatile("push {r3-r9}\n\t"
                     "ldr r8, [r12]\n\t"
                     "mov r9, r8\n\t"
                     "b 2f\n"
                     "1:\n\t"
                     "ldm r1!, {r3-r4}\n\t" TWO_BY_WORD("r3", "r4")
                     "subs r2, #1\n\t"
                     "beq 4f\n"
                     "2:\n\t"
                     "tst r2, #3\n\t"
                     "bne 1b\n"
                     "3:\n\t" TWO_WORDS TWO_WORDS "subs r2, #4\n\t"
                     "bgt 3b\n"
                     "4:\n\t"
                     "pop {r3}\n\t"
                     "ldr r2, [r12, #4]\n\t" EK_DSP_B("r9", "r8", "r2")
                     "stm r3, {r8-r9}\n\t"
                     "pop {r4-r9}"
                     : "+r"(x), "+r"(w), "+r"(n)
                     : "r"(to), "r"(from)
                     : "cc", "memory", "lr");
    return w;
}

/* tensors: input int8 [rows][depth], weights packed, bias int32 [outputs, padded], multiplier
 * int32 [outputs], shift int8 [1 + outputs], output int8 [rows][outputs]. */
void ek_fully_connected_int8_once_dsp(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8Dsp *const layer = (const FullyConnectedInt8Dsp *)params;
    const int32_t depth = layer->depth, outputs = layer->outputs, chunk = layer->chunk;
    const int32_t first = depth / 4 < chunk ? depth / 4 : chunk;
    const int8_t *input = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];

    for (int32_t rows = layer->rows; rows > 0; rows--, input += depth) {
        const uint32_t *weights = (const uint32_t *)tensors[1];
        for (int32_t o = 0; o < outputs; o += MOST) {
            const int32_t *start = (const int32_t *)tensors[2] + o;
            int32_t totals[MOST];
            const int32_t left = outputs - o;
            for (int32_t k = 0, words = first;;) {
                if (left > 4)
                    weights = sum_six(input + k, weights, words, totals, start);
                else if (left > 2)
                    weights = sum_four(input + k, weights, words, totals, start);
                else
                    weights = sum_two(input + k, weights, words, totals, start);
                start = totals;
                EK_DSP_ROLLED(start);
                k += 4 * words;
                if (k >= depth)
                    break;
                words = (depth - k) / 4;
                if (words > chunk)
                    words = chunk;
                if (words == 0) { /* the last 4 inputs, some with weights of 0 */
                    words = 1;
                    k = depth - 4;
                }
            }
            const int32_t count = left < MOST ? left : (int32_t)MOST;
            output = ek_dsp_finish(params, tensors, o, count, totals, output);
        }
    }
}
#endif
