/* FULLY_CONNECTED of int8 for Cortex-M cores with the DSP extension that skips words of four
 * inputs that are all zero; see gemm_int8_dsp.h. */
#include "kernel.h"

#ifdef EK_DSP
#include "gemm_int8_dsp.h"

enum { DSP_BLOCK = 16 }; /* outputs that are summed at once */

/* The assembly loads the first six at once, in the order of its registers. */
typedef struct {
    uint32_t end;        /* of the input, less three words */
    uint32_t zero;       /* four inputs that are zero */
    uint32_t minus_zero; /* what makes an input of a byte, in both halfwords */
    uint32_t stride;     /* bytes of weights by byte of input */
    uint32_t offset;     /* a word's weights are at offset + stride * address of the next input */
    uint32_t most;       /* pairs of outputs - 1 */
    int32_t sums[DSP_BLOCK]; /* T, A of each pair; before and after summing, totals of a, b */
} Block;

#define TWO_PAIRS                                                                                  \
    "ldm r2, {r4-r7}\n\t"                                                                          \
    "ldm r1!, {r8-r10, lr}\n\t" EK_DSP_MAC("r4", "r5", "r11", "r8")                                \
    EK_DSP_MAC("r6", "r7", "r11", "r9") EK_DSP_MAC("r4", "r5", "r12", "r10")                       \
    EK_DSP_MAC("r6", "r7", "r12", "lr") "stm r2!, {r4-r7}\n\t"
#define ONE_PAIR                                                                                   \
    "ldm r2, {r4-r5}\n\t"                                                                          \
    "ldm r1!, {r8-r9}\n\t" EK_DSP_MAC("r4", "r5", "r11", "r8")                                     \
    EK_DSP_MAC("r4", "r5", "r12", "r9") "stm r2!, {r4-r5}\n\t"
#define NEXT "ldr r8, [r0], #4\n\tcmp r8, r2\n\t"

/* Adds the products of the input's words that are not zero. */
static inline void sum_words(const int8_t *input, Block *block)
{
    register const int8_t *x __asm__("r0") = input;
    register Block *state __asm__("r3") = block;
    __asm__ volatile("push {r4-r11, lr}\n\t"
                     "b 10f\n"
                     /* A word that is not zero. */
                     "1:\n\t"
                     "sxtab16 r11, r4, r8\n\t"
                     "sxtab16 r12, r4, r8, ror #8\n\t"
                     "mla r1, r0, r5, r6\n\t"
                     "add r2, r3, #24\n\t"
                     "tbb [pc, r7]\n"
                     "2:\n\t"
                     ".byte (4f - 2b) / 2, (8f - 2b) / 2, (4f - 2b) / 2, (7f - 2b) / 2\n\t"
                     ".byte (4f - 2b) / 2, (6f - 2b) / 2, (4f - 2b) / 2, (5f - 2b) / 2\n"
                     "4:\n\t" ONE_PAIR "tbb [pc, r7]\n"
                     "3:\n\t"
                     ".byte (10f - 3b) / 2, 0, (8f - 3b) / 2, 0\n\t"
                     ".byte (7f - 3b) / 2, 0, (6f - 3b) / 2, 0\n"
                     "5:\n\t" TWO_PAIRS "6:\n\t" TWO_PAIRS "7:\n\t" TWO_PAIRS "8:\n\t" TWO_PAIRS
                     /* Loop: four words per round, then single ones. */
                     "10:\n\t"
                     "ldm r3, {r1, r2, r4-r7}\n\t"
                     "cmp r0, r1\n\t"
                     "bhs 12f\n"
                     "11:\n\t" NEXT "bne 1b\n\t" NEXT "bne 1b\n\t" NEXT "bne 1b\n\t" NEXT
                     "bne 1b\n\t"
                     "cmp r0, r1\n\t"
                     "blo 11b\n"
                     "12:\n\t"
                     "add lr, r1, #12\n\t"
                     "cmp r0, lr\n\t"
                     "beq 13f\n\t" NEXT "beq 12b\n\t"
                     "b 1b\n"
                     "13:\n\t"
                     "pop {r4-r11, lr}"
                     : "+r"(x)
                     : "r"(state)
                     : "r1", "r2", "r12", "cc", "memory");
}

/* block->sums = start + the products of the input's words that are not zero. */
__attribute__((noinline)) static void sum_block(const int8_t *input, Block *block,
                                                const int32_t *start)
{
    int32_t before[DSP_BLOCK / 2]; /* totals of b; those of a start in A */
    int32_t *sums = block->sums, *end = sums + 2 * block->most;
    int32_t *to = before;
    for (; sums <= end; sums += 2, start += 2) {
        *to++ = start[1];
        sums[0] = sums[1] = start[0];
        EK_DSP_ROLLED(end);
    }
    sum_words(input, block);
    for (; sums > block->sums;) {
        sums -= 2;
        const uint32_t a = (uint32_t)sums[1];
        const uint32_t b = (uint32_t)((int32_t)((uint32_t)sums[0] - a) >> 8);
        sums[0] = (int32_t)a;
        sums[1] = (int32_t)((uint32_t)*--to + b);
        EK_DSP_ROLLED(sums);
    }
}

/* tensors: input int8 [rows][depth], weights packed, bias without the input's zero point int32
 * [outputs, padded], multiplier int32 [outputs], shift int8 [1 + outputs], output int8
 * [rows][outputs]. */
void ek_fully_connected_int8_once_skip_dsp(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8SkipDsp *const layer = (const FullyConnectedInt8SkipDsp *)params;
    const int32_t depth = layer->depth, outputs = layer->outputs, chunk = layer->chunk;
    const int8_t *input = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];
    Block block;
    block.zero = (uint32_t)layer->input_zero_point % 256 * 0x01010101;
    block.minus_zero = (uint32_t)-layer->input_zero_point % 65536 * 0x00010001;

    for (int32_t rows = layer->rows; rows > 0; rows--, input += depth) {
        const uint32_t *weights = (const uint32_t *)tensors[1];
        for (int32_t o = 0; o < outputs; o += DSP_BLOCK) {
            const int32_t left = outputs - o;
            const int32_t count = left < DSP_BLOCK ? left : (int32_t)DSP_BLOCK;
            const int32_t *start = (const int32_t *)tensors[2] + o;
            block.most = (uint32_t)(count - 1) / 2;
            block.stride = 2 * block.most + 2;
            for (int32_t k = 0, words; k < depth; k += 4 * words) {
                words = (depth - k) / 4;
                if (words > chunk)
                    words = chunk;
                if (words == 0) { /* the last 4 inputs, some with weights of 0 */
                    words = 1;
                    k = depth - 4;
                }
                const uint32_t next = (uint32_t)(uintptr_t)(input + k) + 4;
                block.end = next + 4 * (uint32_t)words - 16;
                block.offset = (uint32_t)(uintptr_t)weights - block.stride * next;
                sum_block(input + k, &block, start);
                weights += block.stride * (uint32_t)words;
                start = block.sums;
            }
            output = ek_dsp_finish(params, tensors, o, count, block.sums, output);
        }
    }
}
#endif
