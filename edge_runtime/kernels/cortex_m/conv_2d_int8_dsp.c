/* CONV_2D of int8 for Cortex-M cores with the DSP extension; packed by packing/conv_2d_dsp.c.
 *
 * The windows of three positions of the output are gathered as int16, for each pair of taps k and
 * k + 2 a word of each position, side by side. Then every pair of outputs is summed over them with
 * the three instructions of gemm_int8_dsp.h, of which the three positions share one: 13
 * instructions and loads of 5 words for 24 multiply-accumulates. All is read of three positions
 * before their outputs are written. The last two, or the last four in twos, have a loop of their own,
 * which leaves out the third position. */
#include "kernel.h"

#ifdef EK_DSP
#include "conv_2d_dsp.h"
#include "fixed_point.h"
#include "rescale_dsp.h"

/* What a pass over pairs of outputs reads; the strides lead to the outputs of the second and the
 * third position. rounds: 0 if outputs come by one product, or 256 more than the zero point. */
typedef struct {
    int32_t rounds, stride;
    int8_t *output;
    const uint32_t *taps;
    int32_t loop, second_stride;
    const int8_t *end;
} Pass;

/* What a pass counts down by 8 for two words, behind the first one of a window. Its last three bits
 * say where it begins: 0 for an odd number of words, 4 for an even one, 7 and 6 likewise where the
 * third position is the second once more. Below 0 there are none: -1, then -2. */
static int32_t loop_of(int32_t words, int32_t many)
{
    const int32_t is_three = many == EK_DSP_PIXELS;
    if (words == 1)
        return is_three ? -1 : -2;
    if (words % 2)
        return 4 * words - (is_three ? 8 : 6);
    return 4 * words - !is_three;
}

#define TAPS(word)                                                                                 \
    "ldm r0!, {r5-r7}\n\t"                                                                         \
    "smlad r8, r5, " word ", r8\n\t"                                                               \
    "smlad r10, r6, " word ", r10\n\t"                                                             \
    "smlad r12, r7, " word ", r12\n\t"                                                             \
    "sxtb16 " word ", " word "\n\t"                                                                \
    "smlad r9, r5, " word ", r9\n\t"                                                               \
    "smlad r11, r6, " word ", r11\n\t"                                                             \
    "smlad lr, r7, " word ", lr\n\t"
#define WORD "ldm r1!, {r3-r4}\n\t" TAPS("r3") TAPS("r4")

/* The first ones: all positions begin with the sums in r8 and r9. */
#define FIRST_TAPS(word)                                                                           \
    "ldm r0!, {r5-r7}\n\t"                                                                         \
    "smlad r10, r6, " word ", r8\n\t"                                                              \
    "smlad r12, r7, " word ", r8\n\t"                                                              \
    "smlad r8, r5, " word ", r8\n\t"                                                               \
    "sxtb16 " word ", " word "\n\t"                                                                \
    "smlad r11, r6, " word ", r9\n\t"                                                              \
    "smlad lr, r7, " word ", r9\n\t"                                                               \
    "smlad r9, r5, " word ", r9\n\t"

#define TAPS_OF_TWO(word)                                                                          \
    "ldm r0!, {r5-r7}\n\t"                                                                         \
    "smlad r8, r5, " word ", r8\n\t"                                                               \
    "smlad r10, r6, " word ", r10\n\t"                                                             \
    "sxtb16 " word ", " word "\n\t"                                                                \
    "smlad r9, r5, " word ", r9\n\t"                                                               \
    "smlad r11, r6, " word ", r11\n\t"

#define WORD_OF_TWO "ldm r1!, {r3-r4}\n\t" TAPS_OF_TWO("r3") TAPS_OF_TWO("r4")

/* Two outputs of a position from T and A, written as a halfword: by one product, with the bits behind
 * the point of EK_DSP_FRACTION, or rounded twice. */
#define WRITE(t, a, address)                                                                       \
    "bfi " a ", " t ", #8, #8\n\t"                                                                 \
    "strh " a ", " address "\n\t"
#define OUTPUTS(t, a, address)                                                                     \
    "sub " t ", " t ", " a "\n\t"                                                                  \
    "smmla " a ", " a ", r3, r5\n\t"                                                               \
    "smmla " t ", " t ", r4, r6\n\t"                                                               \
    "ssat " a ", #8, " a ", asr #4\n\t"                                                              \
    "ssat " t ", #8, " t ", asr #12\n\t" WRITE(t, a, address)
#define ROUNDED_OUTPUTS(t, a, address)                                                             \
    "sub " t ", " t ", " a "\n\t"                                                                  \
    "asr " t ", " t ", #8\n\t" EK_DSP_OUTPUT(a, "r3", "r5", "r0")                                 \
    EK_DSP_OUTPUT(t, "r4", "r6", "r0") WRITE(t, a, address)

/* The outputs of three positions. */
#define WRITTEN(outputs)                                                                           \
    outputs("r10", "r11", "[r7, r2]")                                                              \
    "ldrd r10, r11, [sp, #20]\n\t" outputs("r12", "lr", "[r7, r10]") outputs("r8", "r9", "[r7], #2") \
    "str r7, [sp, #8]\n\t"                                                                         \
    "cmp r7, r11\n\t"                                                                              \
    "bne 1b\n\t"

/* Writes the outputs of all pairs; returns the address behind their weights. In assembly, because
 * compilers do not form LDM and run out of registers. */
__attribute__((noinline)) static const uint32_t *run(const Pass *pass, const uint32_t *weights)
{
    register const Pass *from __asm__("r0") = pass;
    register const uint32_t *w __asm__("r1") = weights;
    __asm__ volatile("push {r2-r12, lr}\n\t"
                     "ldm r0, {r2-r8}\n\t"
                     "push {r2-r8}\n"
                     "1:\n\t"
                     "ldrd r0, r2, [sp, #12]\n\t"
                     "ldm r1!, {r3-r4, r8-r9}\n\t" FIRST_TAPS("r3") TAPS("r4")
                     "lsls r3, r2, #30\n\t" /* N: bit 1, C: bit 2 */
                     "bcc 3f\n\t"
                     "bmi 5f\n"
                     "2:\n\t" WORD "3:\n\t" WORD "subs r2, #8\n\t"
                     "bgt 2b\n"
                     "4:\n\t"
                     "ldm r1!, {r3-r6}\n\t"
                     "ldm sp, {r0, r2, r7}\n\t"
                     "cbnz r0, 11f\n\t" WRITTEN(OUTPUTS)
                     "b 12f\n"
                     "11:\n\t"
                     "sub r0, #256\n\t" WRITTEN(ROUNDED_OUTPUTS)
                     "12:\n\t"
                     "add sp, #28\n\t"
                     "pop {r2-r12, lr}\n\t"
                     "b 10f\n"
                     "5:\n\t"
                     "asrs r3, r2, #1\n\t" /* C: bit 0 */
                     "bmi 8f\n\t"
                     "bcs 7f\n"
                     "6:\n\t" WORD_OF_TWO "7:\n\t" WORD_OF_TWO "subs r2, #8\n\t"
                     "bgt 6b\n\t"
                     "b 9f\n"
                     "8:\n\t"
                     "bcs 4b\n"
                     "9:\n\t"
                     "mov r12, r10\n\t"
                     "mov lr, r11\n\t"
                     "b 4b\n"
                     "10:"
                     : "+r"(from), "+r"(w)
                     :
                     : "cc", "memory");
    return w;
}

/* Rows of three positions, which are read. skip: bytes from the end of a row to the next one. tail:
 * bytes of each row behind its words, which are copied to tails, those of a position side by side
 * and at a distance from those of the next one. */
typedef struct {
    uint32_t *to;
    const int8_t *from[EK_DSP_PIXELS];
    int32_t words, skip, rows, tail, distance;
    int8_t *tails;
} Rows;

/* Writes the words as int16, those of three positions side by side; returns the address behind. */
__attribute__((noinline)) static uint32_t *expand(Rows *rows)
{
    register Rows *at __asm__("r0") = rows;
    register uint32_t *next __asm__("r2");
    __asm__ volatile("push {r0, r3-r12, lr}\n\t"
                     "ldm r0, {r2-r5, r11-r12, lr}\n"
                     "1:\n\t"
                     "movs r1, r11\n\t"
                     "beq 3f\n"
                     "2:\n\t"
                     "ldr r8, [r3], #4\n\t"
                     "ldr r9, [r4], #4\n\t"
                     "ldr r10, [r5], #4\n\t"
                     "sxtb16 r0, r8\n\t"
                     "sxtb16 r6, r9\n\t"
                     "sxtb16 r7, r10\n\t"
                     "sxtb16 r8, r8, ror #8\n\t"
                     "sxtb16 r9, r9, ror #8\n\t"
                     "sxtb16 r10, r10, ror #8\n\t"
                     "stm r2!, {r0, r6-r10}\n\t"
                     "subs r1, #1\n\t"
                     "bne 2b\n"
                     "3:\n\t"
                     "ldr r6, [sp]\n\t"
                     "ldrd r7, r0, [r6, #28]\n\t"
                     "cbz r7, 5f\n\t"
                     "ldr r8, [r6, #36]\n"
                     "4:\n\t"
                     "ldrb r9, [r3], #1\n\t"
                     "ldrb r10, [r4], #1\n\t"
                     "ldrb r1, [r5], #1\n\t"
                     "strb r10, [r8, r0]\n\t"
                     "strb r1, [r8, r0, lsl #1]\n\t"
                     "strb r9, [r8], #1\n\t"
                     "subs r7, #1\n\t"
                     "bne 4b\n\t"
                     "str r8, [r6, #36]\n"
                     "5:\n\t"
                     "subs lr, #1\n\t"
                     "beq 6f\n\t"
                     "add r3, r12\n\t"
                     "add r4, r12\n\t"
                     "add r5, r12\n\t"
                     "b 1b\n"
                     "6:\n\t"
                     "pop {r0, r3-r12, lr}"
                     : "=r"(next)
                     : "r"(at)
                     : "cc", "memory", "r1");
    return next;
}

static void fill_words(uint32_t *to, int32_t value, size_t bytes)
{
    const uint32_t word = (uint8_t)value * (uint32_t)0x01010101;
    for (uint32_t *const end = to + bytes / sizeof word; to < end; to++)
        *to = word;
}

static inline const int8_t *number_at(const Conv2D *p, const int8_t *input, int32_t y, int32_t x)
{
    return input + ((ptrdiff_t)y * p->width + x) * p->channels;
}

/* Expands windows that do not all lie inside, tap by tap. at: row and column of the input where
 * each one begins; outside: a tap of zero points. */
static void expand_taps(const Conv2D *p, const int8_t *input, int32_t (*at)[2],
                        const int8_t *outside, uint32_t *to)
{
    for (int32_t row = 0; row < p->window_height; row++)
        for (int32_t column = 0; column < p->window_width; column++) {
            Rows taps = {to, {0, 0, 0}, p->depth / EK_DSP_STEP, 0, 1, 0, 0, 0};
            for (int32_t i = 0; i < EK_DSP_PIXELS; i++) {
                const int32_t y = at[i][0] + row * p->dilation_h;
                const int32_t x = at[i][1] + column * p->dilation_w;
                const int32_t is_inside = y >= 0 && y < p->height && x >= 0 && x < p->width;
                taps.from[i] = is_inside ? number_at(p, input, y, x) : outside;
            }
            to = expand(&taps);
        }
}

/* Copies what lies inside of a window. */
static void copy_window(const Conv2D *p, const int8_t *input, const int32_t *at, int8_t *to)
{
    const int32_t depth = p->depth;
    const int32_t first = ek_first_tap(at[1], p->dilation_w);
    const int32_t end = ek_taps_end(at[1], p->width, p->window_width, p->dilation_w);
    const int32_t run = p->dilation_w == 1 ? end - first : 1;
    for (int32_t row = 0; row < p->window_height; row++, to += p->window_width * depth) {
        const int32_t y = at[0] + row * p->dilation_h;
        if (y >= 0 && y < p->height)
            for (int32_t column = first; column < end; column += run) {
                const int8_t *from = number_at(p, input, y, at[1] + column * p->dilation_w);
                int8_t *next = to + column * depth;
                for (const int8_t *const last = next + run * depth; next < last;)
                    *next++ = *from++;
            }
    }
}

/* Gathers windows that do not all lie inside, or whose rows do not follow one another. */
__attribute__((noinline)) static void gather_apart(const Conv2D *p, const int8_t *input,
                                                   int32_t (*at)[2], uint32_t *beside, Rows *rows)
{
    const int32_t size = ek_dsp_words(p) * EK_DSP_STEP;
    int8_t *copy = (int8_t *)beside;
    if (ek_dsp_in_words(p)) {
        expand_taps(p, input, at, copy, rows->to);
        return;
    }
    fill_words(beside, p->input_zero_point, (size_t)(EK_DSP_PIXELS * size));
    for (int32_t i = 0; i < EK_DSP_PIXELS; i++, copy += size) {
        copy_window(p, input, at[i], copy);
        rows->from[i] = copy;
    }
    rows->skip = 0;
    expand(rows);
}

static void clamp_bytes(const Conv2D *p, int8_t *output, int32_t count)
{
    const int32_t lowest = p->lowest, highest = p->highest;
    for (; count > 0; count--, output++)
        *output = (int8_t)ek_clamp(*output, lowest, highest);
}

/* tensors: input int8, weights packed, three that are not read, output int8, scratch. */
void ek_conv_2d_int8_twice_dsp(const int32_t *params, void *const *tensors)
{
    const Conv2D *const p = (const Conv2D *)params;
    const int8_t *input = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];
    uint32_t *const taps = (uint32_t *)tensors[6];
    uint32_t *const beside = taps + ek_dsp_taps(p) / sizeof *taps;
    const int32_t outputs = p->outputs, channels = p->channels, words = ek_dsp_words(p);
    const int32_t positions = p->output_height * p->output_width;
    const int32_t row = p->window_width * channels, pitch = p->width * channels;
    const int32_t skip = p->dilation_h * pitch - row, pixels = p->stride_w * channels;
    /* Positions are in one row where windows are single ones, too. */
    const int32_t is_flat = ek_is_pointwise(p), width = is_flat ? positions : p->output_width;
    /* Before these, windows of which rows lie side by side are inside. */
    const int32_t rows_inside = p->height - (p->window_height - 1) * p->dilation_h;
    const uint32_t most_y = rows_inside > 0 ? (uint32_t)rows_inside : 0;
    const int32_t most_x =
        is_flat ? positions : p->dilation_w == 1 ? p->width - p->window_width + 1 : 0;
    const int32_t clamps = p->lowest > -128 || p->highest < 127;
    int8_t *const tails = (int8_t *)(beside + EK_DSP_PIXELS * words);
    const int32_t distance = ek_dsp_tails(p), behind = words - distance / EK_DSP_STEP;
    Rows rows = {taps,     {0, 0, 0}, row / EK_DSP_STEP, skip, p->window_height, ek_dsp_tail(p),
                 distance, tails};
    Rows of_tails = {taps + behind * EK_DSP_PIXELS * EK_DSP_STEP / 2,
                     {tails, tails + distance, tails + 2 * distance},
                     words - behind, 0, 1, 0, 0, 0};
    const uint32_t *const packed = (const uint32_t *)tensors[1];
    Pass pass = {(int32_t)*packed, 0, output, taps, 0, 0, output};

    if (ek_dsp_in_words(p))
        fill_words(beside, p->input_zero_point, (size_t)p->depth);
    for (int32_t batch = 0; batch < p->batches; batch++) {
        int32_t y = -p->top, x = -p->left, column = 0;
        pass.loop = loop_of(words, EK_DSP_PIXELS);
        pass.stride = outputs;
        pass.second_stride = 2 * outputs;
        for (int32_t done = 0, many = EK_DSP_PIXELS; done < positions; done += many) {
            int8_t *const to = output + (ptrdiff_t)done * outputs;
            const int32_t left = positions - done;
            if (left < 5 && left != EK_DSP_PIXELS) { /* with the last one once more */
                many = left > 1 ? 2 : 1;
                pass.loop = loop_of(words, many);
                pass.stride = pass.second_stride = (many - 1) * outputs;
            }
            const int32_t last = (many - 1) * p->stride_w;
            if (column + many <= width && (uint32_t)y < most_y && x >= 0 && x + last < most_x) {
                rows.from[0] = number_at(p, input, y, x);
                rows.from[1] = rows.from[0] + (many > 1 ? pixels : 0);
                rows.from[2] = rows.from[0] + last * channels;
                expand(&rows);
                column += many;
                x += last + p->stride_w;
            } else {
                int32_t at[EK_DSP_PIXELS][2];
                for (int32_t i = 0; i < EK_DSP_PIXELS; i++) {
                    at[i][0] = y;
                    at[i][1] = x;
                    if (i >= many - 1 && i < EK_DSP_PIXELS - 1)
                        continue;
                    x += p->stride_w;
                    if (++column == width) {
                        column = 0;
                        x = -p->left;
                        y += p->stride_h;
                    }
                }
                gather_apart(p, input, at, beside, &rows);
                rows.skip = skip;
            }
            if (column == width) {
                column = 0;
                x = -p->left;
                y += p->stride_h;
            }
            if (rows.tail) {
                rows.tails = tails;
                expand(&of_tails);
            }
            pass.output = to;
            pass.end = to + outputs;
            const uint32_t *weights = packed + 1;
            if (outputs % 2) { /* the first two, then pairs from the second on */
                pass.end = to + 2;
                weights = run(&pass, weights);
                pass.output = to + 1;
                pass.end = to + outputs;
            }
            run(&pass, weights);
            if (clamps)
                clamp_bytes(p, to, many * outputs);
        }
        input += (ptrdiff_t)p->height * pitch;
        output += (ptrdiff_t)positions * outputs;
    }
}
#endif
