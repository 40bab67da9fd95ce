/* ADD and SUB of int8 on Cortex-M cores with the DSP extension; see add_dsp.h. */
#include "kernel.h"

#ifdef EK_DSP
#include "add_dsp.h"

/* An output of the word of both inputs. */
#define ADD_ONE(word)                                                                              \
    "smlad r4, " word ", r9, r11\n\t"                                                              \
    "smlad lr, " word ", r8, r10\n\t"                                                              \
    "add lr, lr, r4, asr #15\n\t"                                                                  \
    "ssat lr, #8, lr, asr #12\n\t"                                                                 \
    "strb lr, [r2], #1\n\t"

/* Adds four numbers at a time, at least four. */
__attribute__((noinline)) static void add_words(const int8_t *a, const int8_t *b, int8_t *output,
                                                const int8_t *end, const AddInt8Dsp *numbers)
{
    register const int8_t *first __asm__("r0") = a;
    register const int8_t *second __asm__("r1") = b;
    register int8_t *to __asm__("r2") = output;
    register const int8_t *last __asm__("r3") = end;
    register const int32_t *from __asm__("r12") = &numbers->upper;
    __asm__ volatile("push {r4-r11, lr}\n\t"
                     "ldm r12, {r8-r11}\n"
                     "1:\n\t"
                     "ldr r4, [r0], #4\n\t"
                     "ldr r5, [r1], #4\n\t"
                     "sxtb16 r6, r4\n\t"
                     "sxtb16 r7, r5\n\t"
                     "sxtb16 lr, r4, ror #8\n\t"
                     "sxtb16 r5, r5, ror #8\n\t"
                     "pkhbt r12, r6, r7, lsl #16\n\t"
                     "pkhtb r7, r7, r6, asr #16\n\t"
                     "pkhbt r6, lr, r5, lsl #16\n\t"
                     "pkhtb r5, r5, lr, asr #16\n\t"
                     ADD_ONE("r12") ADD_ONE("r6") ADD_ONE("r7") ADD_ONE("r5")
                     "cmp r2, r3\n\t"
                     "blo 1b\n\t"
                     "pop {r4-r11, lr}"
                     : "+r"(first), "+r"(second), "+r"(to), "+r"(last), "+r"(from)
                     :
                     : "cc", "memory");
}

/* tensors: inputs int8, numbers as of AddInt8Dsp, output int8, which may lie where an input lies. */
void ek_add_int8_twice_dsp(const int32_t *params, void *const *tensors)
{
    const AddInt8Dsp *const numbers = (const AddInt8Dsp *)tensors[2];
    const int8_t *a = (const int8_t *)tensors[0], *b = (const int8_t *)tensors[1];
    int8_t *output = (int8_t *)tensors[3];
    const int32_t words = numbers->count / 4 * 4, rest = numbers->count - words;
    (void)params;
    for (int32_t row = 0; row < numbers->rows; row++) {
        if (words)
            add_words(a, b, output, output + words, numbers);
        output += words;
        if (rest) {
            int8_t last[3][4] = {{0}};
            for (int32_t i = 0; i < rest; i++) {
                last[0][i] = a[words + i];
                last[1][i] = b[words + i];
            }
            add_words(last[0], last[1], last[2], last[2] + 4, numbers);
            for (int32_t i = 0; i < rest; i++)
                *output++ = last[2][i];
        }
        a += numbers->a_row;
        b += numbers->b_row;
    }
}
#endif
