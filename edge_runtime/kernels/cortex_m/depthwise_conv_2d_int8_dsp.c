/* DEPTHWISE_CONV_2D of int8, of windows of up to 3 rows and columns, on Cortex-M cores with the DSP
 * extension.
 *
 * Two rows of outputs are calculated at once, for four channels at a time. Their four rows of the
 * image are gathered in scratch memory: the slot of a column holds, for each channel, the words
 * A = (row 0, row 1) and B = (row 2, row 3). With U = (w0, w1) and V = (w1, w2), the weights of a
 * column, SMLAD(A, U) and SMLABT(B, V) add it to an output of the upper row, SMLATB(A, U) and
 * SMLAD(B, V) to that of the lower one. A single row, or one of windows with a stride, needs three
 * rows of the image, and the low half of B.
 *
 * All channels of the rows are written before the next rows are read; four channels of a block of
 * columns are read before they are written. */
#include "kernel.h"

#ifdef EK_DSP
#include "depthwise_dsp.h"
#include "fixed_point.h"

/* Channels whose outputs are calculated, as the assembly keeps them on its stack. */
typedef struct {
    int32_t zero_point, bias; /* the latter of one after another */
    const int32_t *end;       /* of the slots at which windows begin */
    const int8_t *records; /* of the packer */
    int32_t count, entry;   /* the latter is 1 for an odd number of windows, + 2 for one row */
} Channels;

/* U and V of a column, from a word of w0, w1 and w2. */
#define WEIGHTS(word, u, v)                                                                        \
    "sxtb16 r4, " word "\n\t"                                                                      \
    "sxtb16 r5, " word ", ror #8\n\t"                                                              \
    "pkhbt " u ", r4, r5, lsl #16\n\t"                                                             \
    "pkhbt " v ", r5, r4\n\t"

/* Adds a column to outputs of both rows, r4 and r6. */
#define COLUMN(a, b, u, v)                                                                         \
    "smlad r4, " a ", " u ", r4\n\t"                                                               \
    "smlatb r6, " a ", " u ", r6\n\t"                                                              \
    "smlabt r4, " b ", " v ", r4\n\t"                                                              \
    "smlad r6, " b ", " v ", r6\n\t"

/* An output of each of two rows; the words on the stack are factor, power, zero point and bias. A power
 * of two is 1 more, which halves are away from zero by: see packing/rescale_dsp.h. */
#define TWO_OUTPUTS                                                                                \
    "ldr r7, [sp, #12]\n\t"                                                                        \
    "ldrd r4, r5, [r0], #32\n\t"                                                                   \
    "smlatb r6, r4, r8, r7\n\t"                                                                    \
    "smlad r4, r4, r8, r7\n\t"                                                                     \
    "smlabt r4, r5, r9, r4\n\t"                                                                    \
    "smlad r6, r5, r9, r6\n\t"                                                                     \
    "ldrd r5, r7, [r0]\n\t" COLUMN("r5", "r7", "r10", "r11")                                       \
    "ldrd r5, r7, [r0, #32]\n\t" COLUMN("r5", "r7", "r12", "lr")                                   \
    "ldrd r5, r7, [sp]\n\t"                                                                        \
    "smmlar r4, r4, r5, r4\n\t"                                                                    \
    "smmlar r6, r6, r5, r6\n\t"                                                                    \
    "ldr r5, [sp, #8]\n\t"                                                                         \
    "smmlar r4, r4, r7, r5\n\t"                                                                    \
    "smmlar r6, r6, r7, r5\n\t"                                                                    \
    "ssat r4, #8, r4\n\t"                                                                          \
    "ssat r6, #8, r6\n\t"                                                                          \
    "strb r4, [r1]\n\t"                                                                            \
    "strb r6, [r1, r2]\n\t"                                                                        \
    "add r1, r3\n\t"

/* An output of one row. */
#define ONE_OUTPUT                                                                                 \
    "ldr r6, [sp, #12]\n\t"                                                                        \
    "ldrd r4, r5, [r0]\n\t"                                                                        \
    "smlad r4, r4, r8, r6\n\t"                                                                     \
    "ldrd r6, r7, [r0, #32]\n\t"                                                                   \
    "smlabt r4, r5, r9, r4\n\t"                                                                    \
    "smlad r4, r6, r10, r4\n\t"                                                                    \
    "smlabt r4, r7, r11, r4\n\t"                                                                   \
    "ldrd r5, r7, [r0, #64]\n\t"                                                                   \
    "smlad r4, r5, r12, r4\n\t"                                                                    \
    "smlabt r4, r7, lr, r4\n\t"                                                                    \
    "ldm sp, {r5-r7}\n\t"                                                                          \
    "smmlar r4, r4, r5, r4\n\t"                                                                    \
    "smmlar r4, r4, r6, r7\n\t"                                                                    \
    "ssat r4, #8, r4\n\t"                                                                          \
    "strb r4, [r1]\n\t"                                                                            \
    "add r1, r3\n\t"                                                                               \
    "add r0, r2\n\t"

/* Writes outputs of up to four channels. Of two rows, "next" is how far the second one is from the
 * first; of one row, how many bytes lie between the slots where windows begin. */
static void put_outputs(const int32_t *slots, int8_t *output, int32_t next, int32_t pitch,
                        const Channels *channels)
{
    register const int32_t *in __asm__("r0") = slots;
    register int8_t *out __asm__("r1") = output;
    register int32_t between __asm__("r2") = next;
    register int32_t step __asm__("r3") = pitch;
    register const Channels *of __asm__("r12") = channels;
    __asm__ volatile("push {r4-r11, lr}\n\t"
                     "push {r0, r1}\n\t"
                     "ldm r12, {r4-r9}\n\t"
                     "push {r4-r9}\n\t"
                     "sub sp, #8\n"
                     "1:\n\t"
                     "ldr r4, [sp, #20]\n\t"
                     "ldr r9, [r4]\n\t"
                     "ldr r8, [r4, #4]\n\t"
                     "ldr r6, [r4, #8]\n\t"
                     "ldr r7, [r4, #11]\n\t"
                     "ldr r12, [r4, #14]\n\t"
                     "str r9, [sp, #12]\n\t"
                     "adds r4, #18\n\t"
                     "str r4, [sp, #20]\n\t"
                     "movs r5, #1\n\t"
                     "lsr r9, r12, #24\n\t"
                     "lsl r9, r5, r9\n\t" /* 0 if it is 32 */
                     "adds r9, r9, #1\n\t"
                     "strd r8, r9, [sp]\n\t" WEIGHTS("r6", "r8", "r9")
                     WEIGHTS("r7", "r10", "r11") WEIGHTS("r12", "r12", "lr")
                     "ldrd r0, r1, [sp, #32]\n\t"
                     "add r4, r0, #8\n\t"
                     "adds r5, r1, #1\n\t"
                     "strd r4, r5, [sp, #32]\n\t"
                     "ldr r4, [sp, #28]\n\t"
                     "lsrs r4, r4, #1\n\t"
                     "bne 7f\n\t"
                     "bcs 3f\n"
                     "2:\n\t" TWO_OUTPUTS "3:\n\t" TWO_OUTPUTS
                     "ldr r5, [sp, #16]\n\t"
                     "cmp r0, r5\n\t"
                     "blo 2b\n\t"
                     "b 6f\n"
                     "7:\n\t"
                     "bcs 5f\n"
                     "4:\n\t" ONE_OUTPUT "5:\n\t" ONE_OUTPUT
                     "ldr r5, [sp, #16]\n\t"
                     "cmp r0, r5\n\t"
                     "blo 4b\n"
                     "6:\n\t"
                     "ldr r5, [sp, #24]\n\t"
                     "subs r5, #1\n\t"
                     "str r5, [sp, #24]\n\t"
                     "bne 1b\n\t"
                     "add sp, #40\n\t"
                     "pop {r4-r11, lr}"
                     : "+r"(in), "+r"(out), "+r"(between), "+r"(step), "+r"(of)
                     :
                     : "cc", "memory");
}

/* Two rows of four channels of a column, the words x and y, as words of a halfword of each row: those
 * of the four channels in a, x, b and y. */
#define GATHER(x, y, a, b)                                                                         \
    "sxtb16 lr, " x "\n\t"                                                                         \
    "sxtb16 " b ", " y "\n\t"                                                                      \
    "pkhbt " a ", lr, " b ", lsl #16\n\t"                                                          \
    "pkhtb " b ", " b ", lr, asr #16\n\t"                                                          \
    "sxtb16 lr, " x ", ror #8\n\t"                                                                 \
    "sxtb16 " y ", " y ", ror #8\n\t"                                                              \
    "pkhbt " x ", lr, " y ", lsl #16\n\t"                                                          \
    "pkhtb " y ", " y ", lr, asr #16\n\t"

#define GATHER_ARGUMENTS                                                                           \
    register const int8_t *from __asm__("r0") = image;                                             \
    register int32_t row __asm__("r1") = pitch;                                                    \
    register int32_t step __asm__("r2") = next;                                                    \
    register int32_t *to __asm__("r3") = slots;                                                    \
    register const int32_t *last __asm__("r12") = end

/* Fills slots from rows of the image that are "pitch" bytes apart, and columns "next" bytes. */
typedef void gather(const int8_t *, int32_t, int32_t, int32_t *, const int32_t *);

static void gather_four(const int8_t *image, int32_t pitch, int32_t next, int32_t *slots,
                        const int32_t *end)
{
    GATHER_ARGUMENTS;
    __asm__ volatile("push {r4-r11, lr}\n\t"
                     "subs r2, r1\n"
                     "1:\n\t"
                     "ldr r6, [r0]\n\t"
                     "ldr r7, [r0, r1, lsl #1]\n\t"
                     "add r0, r1\n\t"
                     "ldr r10, [r0]\n\t"
                     "ldr r11, [r0, r1, lsl #1]\n\t"
                     "add r0, r2\n\t" GATHER("r6", "r10", "r4", "r8")
                     GATHER("r7", "r11", "r5", "r9")
                     "stm r3!, {r4-r11}\n\t"
                     "cmp r3, r12\n\t"
                     "bne 1b\n\t"
                     "pop {r4-r11, lr}"
                     : "+r"(from), "+r"(row), "+r"(step), "+r"(to), "+r"(last)
                     :
                     : "cc", "memory");
}

static void gather_three(const int8_t *image, int32_t pitch, int32_t next, int32_t *slots,
                         const int32_t *end)
{
    GATHER_ARGUMENTS;
    __asm__ volatile("push {r4-r11, lr}\n"
                     "1:\n\t"
                     "ldr r6, [r0]\n\t"
                     "ldr r10, [r0, r1]\n\t"
                     "ldr r7, [r0, r1, lsl #1]\n\t"
                     "add r0, r2\n\t" GATHER("r6", "r10", "r4", "r8")
                     "sxtb16 r5, r7\n\t"
                     "asrs r9, r5, #16\n\t"
                     "sxtb16 r7, r7, ror #8\n\t"
                     "asrs r11, r7, #16\n\t"
                     "stm r3!, {r4-r11}\n\t"
                     "cmp r3, r12\n\t"
                     "bne 1b\n\t"
                     "pop {r4-r11, lr}"
                     : "+r"(from), "+r"(row), "+r"(step), "+r"(to), "+r"(last)
                     :
                     : "cc", "memory");
}

/* A block of windows of one row of outputs or two. */
typedef struct {
    int32_t windows, top, rows;        /* rows of the image under them, from top on */
    int32_t left, first, end, columns; /* likewise; those from first to end are inside of it */
} Block;

/* Copies four bytes, which compilers may not load at once, to every slot from "to" on. */
static void copy_words(const int8_t *from, int32_t step, int32_t *to, const int32_t *end)
{
    int32_t word;
    __asm__ volatile("1:\n\t"
                     "ldr %0, [%1]\n\t"
                     "add %1, %3\n\t"
                     "str %0, [%2], #32\n\t"
                     "cmp %2, %4\n\t"
                     "blo 1b"
                     : "=&r"(word), "+r"(from), "+r"(to)
                     : "r"(step), "r"(end)
                     : "cc", "memory");
}

/* Puts the rows of up to four channels into slots, where they can be gathered, with the zero point
 * for those that are not inside the image. */
static void put_rows(const DepthwiseInt8 *p, const Block *block, const int8_t *image,
                     int32_t count, int32_t *slot, const int32_t *end)
{
    const int32_t blank = (int32_t)((uint32_t)(uint8_t)p->input_zero_point * 0x01010101);
    for (int32_t y = block->top; y < block->top + block->rows; y++, slot++) {
        const int32_t is_inside = y >= 0 && y < p->height, step = is_inside ? p->channels : 0;
        const int32_t at = (y * p->width + block->left + block->first) * p->channels;
        const int8_t *from = is_inside ? image + at : (const int8_t *)&blank;
        if (count == EK_DW_CHANNELS)
            copy_words(from, step, slot, end);
        else
            for (int32_t *to = slot; to < end; to += EK_DW_SLOT, from += step)
                for (int32_t c = 0; c < count; c++)
                    ((int8_t *)to)[c] = from[c];
    }
}

/* Pads slots outside of the image with the zero point. */
static void pad_slots(const DepthwiseInt8 *p, const Block *block, int32_t *slots)
{
    const int32_t blank = (int32_t)((uint32_t)(uint16_t)p->input_zero_point * 0x00010001);
    for (int32_t i = 0; i < block->columns; i++, slots += EK_DW_SLOT)
        if (i < block->first || i >= block->end)
            for (int32_t j = 0; j < EK_DW_SLOT; j++)
                slots[j] = blank;
}

/* Writes outputs of a channel of a large factor from its halfwords in the slots. Not inline, because
 * that would take registers from what runs for all channels. */
__attribute__((noinline)) static void put_exactly(const DepthwiseInt8 *p, const EkDwExact *exact,
                                                  const int16_t *taps, int32_t windows,
                                                  int8_t *output)
{
    for (; windows > 0; windows--, output += p->channels) {
        const int16_t *const next = taps + 2 * EK_DW_SLOT * p->stride_w;
        const int8_t *weight = exact->weights;
        int32_t sum = exact->bias;
        for (; weight < exact->weights + EK_DW_TAPS * EK_DW_TAPS; taps += 2 * EK_DW_SLOT)
            for (int32_t i = 0; i < EK_DW_TAPS; i++)
                sum = ek_add(sum, *weight++ * taps[i]);
        __asm__("smmlar %0, %0, %1, %0" : "+r"(sum) : "r"(exact->factor));
        sum = ek_add(ek_rounding_shift(sum, exact->right), p->output_zero_point);
        __asm__("ssat %0, #8, %0" : "+r"(sum));
        *output = (int8_t)sum;
        taps = next;
    }
}

static void put_block(const DepthwiseInt8 *p, void *const *tensors, const Block *block,
                      const int8_t *image, int8_t *output)
{
    const int32_t two = block->rows > EK_DW_TAPS, between = EK_DW_SLOT * p->stride_w;
    const int32_t at = (block->top * p->width + block->left + block->first) * p->channels;
    int32_t *const slots = (int32_t *)tensors[6], *const first = slots + block->first * EK_DW_SLOT;
    const int32_t *const end = slots + block->end * EK_DW_SLOT;
    gather *const rows = two ? gather_four : gather_three;
    const EkDwExact *exact = (const EkDwExact *)tensors[3];
    int32_t is_inside = block->top >= 0 && block->top + block->rows <= p->height;
    Channels channels = {p->output_zero_point,       0,
                         slots + block->windows * between, (const int8_t *)tensors[1],
                         EK_DW_CHANNELS,             block->windows % 2 + (two ? 0 : 2)};
    for (int32_t left = p->channels; left > 0; left -= EK_DW_CHANNELS) {
        const int8_t *from = image + at;
        int32_t row = p->width * p->channels, column = p->channels;
        if (left < EK_DW_CHANNELS) {
            channels.count = left;
            is_inside = 0;
        }
        if (!is_inside) {
            int32_t *const staged = first + EK_DW_SLOT / 2;
            put_rows(p, block, image, channels.count, staged, end);
            from = (const int8_t *)staged;
            row = sizeof *staged;
            column = EK_DW_SLOT * row;
        }
        rows(from, row, column, first, end);
        put_outputs(slots, output, two ? p->output_width * p->channels : between * 4, p->channels,
                    &channels);
        for (; exact->channel < p->channels - left + EK_DW_CHANNELS; exact++)
            for (int32_t i = 0; i <= two; i++)
                put_exactly(p, exact,
                            (const int16_t *)slots + exact->channel % EK_DW_CHANNELS * 4 + i,
                            block->windows,
                            output + exact->channel % EK_DW_CHANNELS +
                                i * p->output_width * p->channels);
        image += EK_DW_CHANNELS;
        output += EK_DW_CHANNELS;
        channels.records += EK_DW_CHANNELS * EK_DW_RECORD;
    }
}

/* tensors: input int8, records of the channels, one that is not read, the channels of EkDwExact, one
 * that is not read, output int8, scratch. */
void ek_depthwise_conv_2d_int8_twice_dsp(const int32_t *params, void *const *tensors)
{
    const DepthwiseInt8 *const p = (const DepthwiseInt8 *)params;
    const int32_t most = ek_dw_block(p), is_dense = p->stride_h == 1 && p->stride_w == 1;
    const int8_t *image = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];
    Block block;
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t y = 0, two; y < p->output_height; y += 1 + two) {
            two = is_dense && y + 1 < p->output_height;
            block.top = y * p->stride_h - p->top;
            block.rows = EK_DW_TAPS + two;
            for (int32_t x = 0; x < p->output_width; x += block.windows) {
                block.windows = p->output_width - x < most ? p->output_width - x : most;
                block.columns = ek_dw_columns(p, block.windows);
                block.left = x * p->stride_w - p->left;
                block.first = block.left < 0 ? -block.left : 0;
                block.end = p->width - block.left;
                if (block.end > block.columns)
                    block.end = block.columns;
                if (p->output_width > most || (batch == 0 && y == 0))
                    pad_slots(p, &block, (int32_t *)tensors[6]);
                put_block(p, tensors, &block, image, output + x * p->channels);
            }
            output += (1 + two) * p->output_width * p->channels;
        }
        image += p->height * p->width * p->channels;
    }
}
#endif
