/* CONV_2D of float32 in vectors; the same bytes as the portable kernel. The file that includes this
 * defines TARGET, KERNEL, LANES of a vector, and MANY, which divides EK_TILE, and FEW: numbers of
 * positions whose sums fit the registers.
 *
 * Each lane is an output, whose products are added one after another, as the portable kernel adds
 * them. The windows of EK_TILE positions lie in scratch memory, with zeros where they leave the
 * image: these change no sum, because sums are never -0.0 and the packer refuses weights that are
 * not finite. A packed block of 16 outputs is the bias [16] and the weights [depth][16]; the packer
 * is packing/conv_2d.c. */
#include <string.h>

#include "conv_2d.h"
#include "float_bits.h"

#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 32")
#define ROLLED _Pragma("GCC unroll 1")

enum { WIDTH = 16 };

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int32_t Mask __attribute__((vector_size(4 * LANES)));

INLINE Vector chosen(Mask mask, Vector a, Vector b)
{
    return (Vector)((mask & (Mask)a) | (~mask & (Mask)b));
}

/* ek_clamp_float32. */
INLINE Vector clamped(Vector values, float lowest, float highest)
{
    const Vector zero = {0}, low = lowest - zero, high = highest - zero;
    values = chosen(values < low, low, values);
    return chosen(values > high, high, values);
}

/* The outputs of ``high`` positions, of which ``count`` exist, in ``wide`` vectors, of which
 * ``left`` outputs exist. */
INLINE void tile(const int32_t high, const int32_t wide, const Conv2D *p, const float *windows,
                 int32_t depth, const float *block, int32_t count, int32_t left, float *output)
{
    const ptrdiff_t block_size = ((ptrdiff_t)depth + 1) * WIDTH;
    const ptrdiff_t second_at = LANES == 16 ? block_size : LANES;
    const float *weights = block + WIDTH;
    Vector sums[2 * MANY], stored[2 * MANY];
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        sums[i] = (Vector){0};
    for (int32_t k = 0; k < depth; k++, weights += WIDTH) {
        Vector first, second;
        memcpy(&first, weights, sizeof first);
        if (wide == 2)
            memcpy(&second, weights + second_at, sizeof second);
        UNROLL
        for (int32_t i = 0; i < high; i++) {
            const float x = windows[(ptrdiff_t)i * depth + k];
            sums[i * wide] += x * first;
            if (wide == 2)
                sums[i * wide + 1] += x * second;
        }
    }
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        stored[i] = sums[i];
    const float lowest = ek_float(&p->lowest), highest = ek_float(&p->highest);
    ROLLED
    for (int32_t i = 0; i < high && i < count; i++, output += p->outputs)
        for (int32_t v = 0; v < wide; v++) {
            const int32_t lanes = left - v * LANES;
            Vector bias;
            memcpy(&bias, block + v * second_at, sizeof bias);
            const Vector values = clamped(stored[i * wide + v] + bias, lowest, highest);
            if (lanes >= LANES)
                memcpy(output + v * LANES, &values, sizeof values);
            else
                memcpy(output + v * LANES, &values, (size_t)lanes * sizeof *output);
        }
}

typedef void tiler(const Conv2D *p, const float *windows, int32_t depth, const float *block,
                   int32_t count, int32_t left, float *output);

/* A function for each size, so that the sums stay in registers. */
#define TILER(name, high, wide)                                                                    \
    TARGET static void name(const Conv2D *p, const float *windows, int32_t depth,                  \
                            const float *block, int32_t count, int32_t left, float *output)        \
    {                                                                                              \
        tile(high, wide, p, windows, depth, block, count, left, output);                           \
    }
TILER(many_1, MANY, 1)
TILER(many_2, MANY, 2)
TILER(few_1, FEW, 1)
TILER(few_2, FEW, 2)
static tiler *const TILERS[2][2] = {{many_1, many_2}, {few_1, few_2}};

/* The window of a position. */
INLINE void gather(const Conv2D *p, const float *input, int32_t row, int32_t column, int32_t depth,
                   float *window)
{
    const EkTaps taps = ek_taps_at(p, row, column);
    if (!taps.whole)
        memset(window, 0, (size_t)depth * sizeof *window);
    input += taps.input;
    window += taps.weights;
    for (int32_t i = 0; i < taps.rows; i++, input += taps.input_row, window += taps.weights_row)
        for (int32_t j = 0; j < taps.runs; j++)
            memcpy(window + j * taps.weights_run, input + j * taps.input_run,
                   (size_t)taps.count * sizeof *window);
}

TARGET void KERNEL(const int32_t *params, void *const *tensors)
{
    const Conv2D *const p = (const Conv2D *)params;
    const Conv2D layer = *p; /* a copy, because bytes of scratch could be params to the compiler */
    const int32_t depth = p->window_height * p->window_width * p->depth;
    const int32_t positions = p->output_height * p->output_width, outputs = p->outputs;
    const ptrdiff_t image = (ptrdiff_t)p->height * p->width * p->channels;
    const ptrdiff_t block_size = ((ptrdiff_t)depth + 1) * WIDTH;
    const int32_t pointwise = ek_is_pointwise(p);
    const float *input = tensors[0], *packed = tensors[1];
    float *output = tensors[3], *const scratch = tensors[4];

    for (int32_t batch = 0; batch < p->batches; batch++, input += image)
        for (int32_t done = 0, row = 0, column = 0; done < positions; done += EK_TILE) {
            const int32_t count = positions - done < EK_TILE ? positions - done : EK_TILE;
            const float *windows = scratch;
            if (count < EK_TILE) /* what no position reads: denormal numbers there would be slow */
                memset(scratch + (ptrdiff_t)count * depth, 0,
                       (size_t)(EK_TILE - count) * (size_t)depth * sizeof *scratch);
            if (pointwise && count == EK_TILE)
                windows = input + (ptrdiff_t)done * depth;
            else if (pointwise)
                memcpy(scratch, input + (ptrdiff_t)done * depth,
                       (size_t)count * (size_t)depth * sizeof *scratch);
            for (int32_t i = 0; !pointwise && i < count; i++) {
                gather(&layer, input, row, column, depth, scratch + (ptrdiff_t)i * depth);
                if (++column == p->output_width) {
                    column = 0;
                    row++;
                }
            }
            for (int32_t o = 0; o < outputs; o += 2 * LANES) {
                const int32_t left = outputs - o;
                for (int32_t i = 0; i < count; i += MANY) {
                    const int32_t here = count - i < MANY ? count - i : MANY;
                    TILERS[here <= FEW][left > LANES](p, windows + (ptrdiff_t)i * depth, depth,
                                                      packed + o / WIDTH * block_size + o % WIDTH,
                                                      here, left,
                                                      output + (ptrdiff_t)i * outputs + o);
                }
            }
            output += (ptrdiff_t)count * outputs;
        }
}
