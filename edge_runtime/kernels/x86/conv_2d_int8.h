/* CONV_2D of int8 in vectors; the same bytes as the portable kernels. The file that includes this
 * defines TARGET, INLINE, KERNEL(name), WIDTH and COLUMN_BYTES, LANES of a Vector, MANY and FEW,
 * numbers of positions whose sums fit the registers, QUAD_BYTES, the Quad that quad_at() makes of
 * four inputs, dot(), copy(), and finish_twice() and finish_float(), which store the outputs of a
 * vector of sums.
 *
 * The windows of EK_TILE positions are copied to scratch memory, one behind the other, by copy(),
 * which adds ADDED: 128 where the instructions multiply uint8 with int8. Where they leave the image
 * they have the zero point. Then a quad, four neighbouring inputs, is multiplied with the weights
 * of an output in each lane.
 *
 * A packed block of 16 outputs is a head int32 [columns][16] and the weights [quads][QUAD_BYTES] in
 * the form of dot(); the packer is packing/conv_2d.c. */
#include <string.h>

#define UNROLL _Pragma("GCC unroll 32")

/* The vectors of a block, or of two: from the head and the weights of one to those of the next. */
typedef struct {
    ptrdiff_t head, block, next_head, next; /* bytes */
} Layout;

static inline Layout layout_of(int32_t columns, int32_t quads)
{
    Layout layout;
    layout.head = columns * COLUMN_BYTES;
    layout.block = layout.head + (ptrdiff_t)quads * QUAD_BYTES;
    layout.next_head = LANES == 16 ? layout.block : 4 * LANES;
    layout.next = LANES == 16 ? layout.block : QUAD_BYTES / 2;
    return layout;
}

/* The sums of ``high`` positions in ``wide`` vectors each. */
INLINE void tile(const int32_t high, const int32_t wide, Layout layout, const uint8_t *windows,
                 int32_t quads, const char *block, Vector *totals)
{
    const ptrdiff_t pitch = 4 * (ptrdiff_t)quads;
    const char *weights = block + layout.head;
    Vector sums[2 * MANY];
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        memcpy(&sums[i], block + i % wide * layout.next_head, sizeof sums[i]);
    for (int32_t k = 0; k < quads; k++, windows += 4, weights += QUAD_BYTES) {
        UNROLL
        for (int32_t i = 0; i < high; i++) {
            const Quad quad = quad_at(windows + i * pitch);
            sums[i * wide] = dot(sums[i * wide], quad, weights);
            if (wide == 2)
                sums[i * wide + 1] = dot(sums[i * wide + 1], quad, weights + layout.next);
        }
    }
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        totals[i] = sums[i];
}

typedef void tiler(Layout layout, const uint8_t *windows, int32_t quads, const char *block,
                   Vector *totals);

/* A function for each size, so that the sums stay in registers. */
#define TILER(name, high, wide)                                                                    \
    TARGET static void name(Layout layout, const uint8_t *windows, int32_t quads,                  \
                            const char *block, Vector *totals)                                     \
    {                                                                                              \
        tile(high, wide, layout, windows, quads, block, totals);                                   \
    }
TILER(many_1, MANY, 1)
TILER(many_2, MANY, 2)
TILER(few_1, FEW, 1)
TILER(few_2, FEW, 2)
static tiler *const TILERS[2][2] = {{many_1, many_2}, {few_1, few_2}};

/* Stores the outputs of so many positions, of which ``left`` exist from the first vector on. */
typedef void finisher(const Conv2D *p, Layout layout, const char *block, const Vector *totals,
                      int32_t count, int32_t wide, int32_t left, int8_t *output);

#define FINISHER(name, finish)                                                                     \
    TARGET static void name(const Conv2D *p, Layout layout, const char *block,                     \
                            const Vector *totals, int32_t count, int32_t wide, int32_t left,       \
                            int8_t *output)                                                        \
    {                                                                                              \
        for (int32_t i = 0; i < count; i++, output += p->outputs)                                  \
            for (int32_t v = 0; v < wide; v++, totals++) {                                         \
                const int32_t lanes = left - v * LANES < LANES ? left - v * LANES : LANES;         \
                finish(p, *totals, block + v * layout.next_head, lanes, output + v * LANES);       \
            }                                                                                      \
    }
FINISHER(finish_all_twice, finish_twice)
FINISHER(finish_all_float, finish_float)

/* The window of a position. */
INLINE void gather(const Conv2D *p, const int8_t *input, int32_t row, int32_t column,
                   int32_t quads, uint8_t *window)
{
    const EkTaps taps = ek_taps_at(p, row, column);
    if (!taps.whole)
        memset(window, p->input_zero_point + ADDED, 4 * (size_t)quads);
    input += taps.input;
    window += taps.weights;
    for (int32_t i = 0; i < taps.rows; i++, input += taps.input_row, window += taps.weights_row)
        for (int32_t j = 0; j < taps.runs; j++)
            copy(window + j * taps.weights_run, input + j * taps.input_run, taps.count);
}

TARGET static void convolve(const int32_t *params, void *const *tensors, int8_t *output,
                            uint8_t *scratch, int32_t columns, finisher *finish)
{
    const Conv2D *const p = (const Conv2D *)params;
    const Conv2D layer = *p; /* a copy, because bytes of scratch could be params to the compiler */
    const int32_t depth = p->window_height * p->window_width * p->depth, quads = (depth + 3) / 4;
    const int32_t positions = p->output_height * p->output_width, outputs = p->outputs;
    const ptrdiff_t image = (ptrdiff_t)p->height * p->width * p->channels;
    const Layout layout = layout_of(columns, quads);
    const int32_t pointwise = ek_is_pointwise(p) && depth % 4 == 0;
    const int8_t *input = tensors[0];
    const char *packed = tensors[1];
    Vector totals[2 * MANY];

    for (int32_t batch = 0; batch < p->batches; batch++, input += image)
        for (int32_t done = 0, row = 0, column = 0; done < positions; done += EK_TILE) {
            const int32_t count = positions - done < EK_TILE ? positions - done : EK_TILE;
            if (pointwise)
                copy(scratch, input + (ptrdiff_t)done * depth, count * depth);
            for (int32_t i = 0; !pointwise && i < count; i++) {
                gather(&layer, input, row, column, quads, scratch + 4 * (ptrdiff_t)i * quads);
                if (++column == p->output_width) {
                    column = 0;
                    row++;
                }
            }
            for (int32_t o = 0; o < outputs; o += 2 * LANES)
                for (int32_t i = 0; i < count; i += MANY) {
                    const int32_t here = count - i < MANY ? count - i : MANY;
                    const int32_t left = outputs - o, wide = left > LANES ? 2 : 1;
                    const char *block = packed + o / WIDTH * layout.block;
                    TILERS[here <= FEW][wide - 1](layout, scratch + 4 * (ptrdiff_t)i * quads,
                                                  quads, block, totals);
                    finish(p, layout, block, totals, here, wide, left,
                           output + (ptrdiff_t)i * outputs + o);
                }
            output += (ptrdiff_t)count * outputs;
        }
}

void KERNEL(conv_2d_int8_twice)(const int32_t *params, void *const *tensors)
{
    convolve(params, tensors, tensors[5], tensors[6], 4, finish_all_twice);
}

void KERNEL(conv_2d_int8_float)(const int32_t *params, void *const *tensors)
{
    convolve(params, tensors, tensors[4], tensors[5], 2, finish_all_float);
}
