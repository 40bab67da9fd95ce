/* DEPTHWISE_CONV_2D of int8 for Cortex-M cores with Helium: 16 channels at a time.
 *
 * Products of bytes have 16 bits, and so has the sum of two of them, unless both weights are -128,
 * which the packer refuses; a sum of two is added to one of 32 bits. VMULL and VMOVL take every other
 * lane, so the four vectors of sums are of the channels 0 4 8 12, 2 6 10 14, 1 5 9 13 and 3 7 11 15,
 * in which order packing/depthwise_helium.c writes bias, multipliers and shifts. */
#include "kernel.h"

#ifdef EK_HELIUM
#include <string.h>

#include "depthwise_conv_2d.h"
#include "gemm_int8_helium.h"

/* Sums of 32 bits of the 16 channels. */
typedef struct {
    int32x4_t a, b, c, d;
} Sums;

/* Products of 16 channels with even and with odd numbers. */
typedef struct {
    int16x8_t even, odd;
} Products;

static inline Products products(const int8_t *x, const int8_t *w)
{
    const int8x16_t input = vldrbq_s8(x);
    const int8x16_t weight = vldrbq_s8(w);
    const Products result = {vmullbq_int_s8(input, weight), vmulltq_int_s8(input, weight)};
    return result;
}

static inline Sums added(Sums sums, Products p)
{
    sums.a = vaddq_s32(sums.a, vmovlbq_s16(p.even));
    sums.b = vaddq_s32(sums.b, vmovltq_s16(p.even));
    sums.c = vaddq_s32(sums.c, vmovlbq_s16(p.odd));
    sums.d = vaddq_s32(sums.d, vmovltq_s16(p.odd));
    return sums;
}

static inline Sums added_pair(Sums sums, Products p, Products q)
{
    const Products both = {vaddq_s16(p.even, q.even), vaddq_s16(p.odd, q.odd)};
    return added(sums, both);
}

/* Products of a tap at x, and those of a second one added; the weights are loaded twice, because there
 * is no register left. */
#define FIRST(load, x)                                                                             \
    load("q4", x) "vldrb.u8 q5, [%[w]], #16\n\t"                                                   \
    "vmullb.s8 q6, q4, q5\n\t"                                                                     \
    "vmullt.s8 q4, q4, q5\n\t"
#define SECOND(load, x)                                                                            \
    load("q5", x) "vldrb.u8 q7, [%[w]], #16\n\t"                                                   \
    "vmullb.s8 q7, q5, q7\n\t"                                                                     \
    "vadd.i16 q6, q6, q7\n\t"                                                                      \
    "vldrb.u8 q7, [%[w], #-16]\n\t"                                                                \
    "vmullt.s8 q5, q5, q7\n\t"                                                                     \
    "vadd.i16 q4, q4, q5\n\t"
#define WIDEN                                                                                      \
    "vmovlb.s16 q5, q6\n\t"                                                                        \
    "vmovlt.s16 q7, q6\n\t"                                                                        \
    "vadd.i32 %q[a], %q[a], q5\n\t"                                                                \
    "vmovlb.s16 q5, q4\n\t"                                                                        \
    "vadd.i32 %q[b], %q[b], q7\n\t"                                                                \
    "vmovlt.s16 q7, q4\n\t"                                                                        \
    "vadd.i32 %q[c], %q[c], q5\n\t"                                                                \
    "vadd.i32 %q[d], %q[d], q7\n\t"
#define LOAD(vector, x) "vldrb.u8 " vector ", [" x "]\n\t"
#define LOAD_PART(vector, x) "vpst\n\tvldrbt.u8 " vector ", [" x "]\n\t"
#define NEXT(x) "add " x ", " x ", %[step]\n\t"
#define NINE(load)                                                                                 \
    FIRST(load, "%[x]")                                                                            \
    NEXT("%[x]") SECOND(load, "%[x]") WIDEN NEXT("%[x]") FIRST(load, "%[x]")                       \
    SECOND(load, "%[y]") WIDEN NEXT("%[y]") FIRST(load, "%[y]")                                    \
    NEXT("%[y]") SECOND(load, "%[y]") WIDEN FIRST(load, "%[z]")                                    \
    NEXT("%[z]") SECOND(load, "%[z]") WIDEN NEXT("%[z]") FIRST(load, "%[z]") WIDEN

/* Windows of nine taps, those of a row a step apart. In assembly, because compilers run out of
 * registers. */
static inline Sums sum_nine(Sums sums, const int8_t *x, int32_t pitch, int32_t step,
                            const int8_t *w, mve_pred16_t part, int32_t whole)
{
    const int8_t *y = x + pitch, *z = y + pitch;
    if (whole)
        __asm__ volatile(NINE(LOAD)
                         : [x] "+r"(x), [y] "+r"(y), [z] "+r"(z), [w] "+r"(w), [a] "+w"(sums.a),
                           [b] "+w"(sums.b), [c] "+w"(sums.c), [d] "+w"(sums.d)
                         : [step] "r"(step)
                         : "q4", "q5", "q6", "q7", "memory");
    else
        __asm__ volatile("vmsr p0, %[part]\n\t" NINE(LOAD_PART)
                         : [x] "+r"(x), [y] "+r"(y), [z] "+r"(z), [w] "+r"(w), [a] "+w"(sums.a),
                           [b] "+w"(sums.b), [c] "+w"(sums.c), [d] "+w"(sums.d)
                         : [step] "r"(step), [part] "r"(part)
                         : "q4", "q5", "q6", "q7", "memory");
    return sums;
}

/* Windows of any number of taps, which lie side by side. */
static inline Sums sum_taps(Sums sums, const int8_t *x, int32_t taps, const int8_t *w)
{
    for (; taps > 1; taps -= 2, x += 32, w += 32)
        sums = added_pair(sums, products(x, w), products(x + 16, w + 16));
    return taps ? added(sums, products(x, w)) : sums;
}

/* Writes the outputs of up to 16 channels, whose numbers begin at n. */
static inline void store(const EkHeliumLayer *layer, const int32_t *multiplier,
                         const int32_t *shift, Sums sums, int8_t *output, mve_pred16_t part)
{
    const int32_t ties = layer->ties;
    const int32x4_t a =
        ek_helium_rescale(sums.a, vldrwq_s32(multiplier), vldrwq_s32(shift), ties);
    const int32x4_t b =
        ek_helium_rescale(sums.b, vldrwq_s32(multiplier + 4), vldrwq_s32(shift + 4), ties);
    const int32x4_t c =
        ek_helium_rescale(sums.c, vldrwq_s32(multiplier + 8), vldrwq_s32(shift + 8), ties);
    const int32x4_t d =
        ek_helium_rescale(sums.d, vldrwq_s32(multiplier + 12), vldrwq_s32(shift + 12), ties);
    const int16_t zero_point = (int16_t)layer->zero_point;
    const int16x8_t even = vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), a), b);
    const int16x8_t odd = vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), c), d);
    int8x16_t bytes = vqmovnbq_s16(vdupq_n_s8(0), vqaddq_n_s16(even, zero_point));
    bytes = vqmovntq_s16(bytes, vqaddq_n_s16(odd, zero_point));
    bytes = vmaxq_s8(bytes, vdupq_n_s8((int8_t)layer->lowest));
    bytes = vminq_s8(bytes, vdupq_n_s8((int8_t)layer->highest));
    vstrbq_p_s8(output, bytes, part);
}

/* Copies up to 16 channels of the window whose first tap is at row y and column x, [taps][16]. */
static inline void gather(const DepthwiseInt8 *p, const int8_t *image, int32_t y, int32_t x,
                          mve_pred16_t part, int8_t *to)
{
    const int32_t pitch = p->width * p->channels, step = p->dilation_w * p->channels;
    const int8x16_t beside = vdupq_n_s8((int8_t)p->input_zero_point);
    for (int32_t i = 0; i < p->window_height; i++, y += p->dilation_h) {
        const int8_t *from = image + y * pitch + x * p->channels;
        /* Beside the image, a column that is beside it as well. */
        int32_t column = (uint32_t)y < (uint32_t)p->height ? x : INT32_MIN;
        for (int32_t j = p->window_width; j > 0; j--, to += 16, from += step) {
            if ((uint32_t)column < (uint32_t)p->width)
                vstrbq_s8(to, vldrbq_z_s8(from, part));
            else
                vstrbq_s8(to, beside);
            column += p->dilation_w;
        }
    }
}

/* The outputs of the position whose window's first tap is at row y and column x; "inside" is a window
 * of nine taps that are all in the image. */
static inline int8_t *position(const DepthwiseInt8 *p, const EkHeliumLayer *layer,
                               const int8_t *image, int32_t y, int32_t x, int32_t inside,
                               void *const *tensors, int8_t *output)
{
    const int32_t *bias = layer->bias, *multiplier = layer->multiplier, *shift = layer->shift;
    const int32_t taps = p->window_height * p->window_width, channels = p->channels;
    const int32_t pitch = p->width * channels * p->dilation_h, step = p->dilation_w * channels;
    const int8_t *from = image + (y * p->width + x) * channels;
    const int8_t *w = (const int8_t *)tensors[1];
    const int32_t nine = p->window_height == 3 && p->window_width == 3;
    int8_t *const copy = (int8_t *)tensors[6];
    for (int32_t left = channels; left > 0; left -= 16) {
        const mve_pred16_t part = vctp8q((uint32_t)left);
        Sums sums = {vldrwq_s32(bias), vldrwq_s32(bias + 4), vldrwq_s32(bias + 8),
                     vldrwq_s32(bias + 12)};
        if (!inside)
            gather(p, image, y, x, part, copy);
        if (!nine)
            sums = sum_taps(sums, copy, taps, w);
        else if (inside && left < 16)
            sums = sum_nine(sums, from, pitch, step, w, part, 0);
        else
            sums = sum_nine(sums, inside ? from : copy, inside ? pitch : 48, inside ? step : 16, w,
                            part, 1);
        store(layer, multiplier, shift, sums, output, part);
        output += left < 16 ? left : 16;
        image += 16;
        from += 16;
        w += 16 * taps;
        bias += 16;
        multiplier += 16;
        shift += 16;
    }
    return output;
}

/* tensors: input int8 [batches][height][width][channels], weights packed, bias without the input's
 * zero point, multiplier, shift int32 [channels, padded and in the order above], output int8 [batches]
 * [output_height][output_width][channels], scratch: a window. */
void ek_depthwise_conv_2d_int8_twice_helium(const int32_t *params, void *const *tensors)
{
    DepthwiseInt8Helium whole; /* a copy, because an int8 output could be params to the compiler */
    memcpy(&whole, params, sizeof whole);
    const DepthwiseInt8 *const p = &whole.layer;
    const EkHeliumLayer layer = {(const int32_t *)tensors[2],
                                 (const int32_t *)tensors[3],
                                 (const int32_t *)tensors[4],
                                 p->channels,
                                 p->output_zero_point,
                                 p->lowest,
                                 p->highest,
                                 whole.ties};
    const int32_t nine = p->window_height == 3 && p->window_width == 3;
    const int8_t *image = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t row = 0; row < p->output_height; row++) {
            const int32_t y = row * p->stride_h - p->top;
            const int32_t rows_inside = nine && y >= 0 && y + 2 * p->dilation_h < p->height;
            int32_t x = -p->left;
            for (int32_t column = 0; column < p->output_width; column++, x += p->stride_w) {
                const int32_t inside = rows_inside && x >= 0 && x + 2 * p->dilation_w < p->width;
                output = position(p, &layer, image, y, x, inside, tensors, output);
            }
        }
        image += p->height * p->width * p->channels;
    }
}
#endif
