/* How packers of x86 lay out dense weights, for kernels that calculate outputs in blocks of 16. A
 * packed block is a head, numbers of each output, [columns][WIDTH], and the weights
 * [ceil(depth / chunk)][outputs][chunk], padded with zeros. */
#ifndef EK_PACKING_GEMM_H
#define EK_PACKING_GEMM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WIDTH = 16 };

typedef struct {
    size_t columns; /* of the head, each 4 bytes */
    size_t round;   /* the last block has the outputs that are left, rounded up to a multiple */
    size_t chunk;   /* depths of an output that lie side by side */
    size_t parts;   /* 8 outputs' chunks are split into depths with the same k % parts */
    size_t element; /* bytes of a weight: 1 or 2 */
} Layout;

static inline size_t rounded(size_t value, size_t step)
{
    return (value + step - 1) / step * step;
}

/* Bytes of the weights of one output. */
static inline size_t row_size(Layout layout, size_t depth)
{
    return rounded(depth, layout.chunk) * layout.element;
}

static inline size_t head_size(Layout layout)
{
    return layout.columns * WIDTH * 4;
}

/* Offset of the block of an output, in bytes. */
static inline size_t block_start(Layout layout, size_t depth, size_t output)
{
    return output / WIDTH * (head_size(layout) + WIDTH * row_size(layout, depth));
}

static inline size_t packed_size(Layout layout, size_t depth, size_t outputs)
{
    const size_t left = rounded(outputs % WIDTH, layout.round);
    const size_t last = left ? head_size(layout) + left * row_size(layout, depth) : 0;
    return block_start(layout, depth, outputs) + last;
}

static inline void put_weight(Layout layout, const void *weights, size_t at, char *to)
{
    const int16_t wide = ((const int8_t *)weights)[at];
    if (layout.element == 2)
        memcpy(to, &wide, 2);
    else
        *to = (char)wide;
}

static inline void put_weights(Layout layout, size_t depth, size_t outputs, const void *weights,
                               char *packed)
{
    const size_t chunk = layout.chunk, parts = layout.parts;
    memset(packed, 0, packed_size(layout, depth, outputs));
    for (size_t o = 0; o < outputs; o++) {
        const size_t lane = o % WIDTH, left = outputs - (o - lane);
        const size_t wide = left < WIDTH ? rounded(left, layout.round) : WIDTH;
        char *const to = packed + block_start(layout, depth, o) + head_size(layout);
        for (size_t k = 0; k < depth; k++) {
            const size_t within = k % chunk;
            const size_t row = k / chunk * wide + lane / 8 * 8;
            const size_t part = within % parts * 8 + lane % 8;
            const size_t at = row * chunk + part * (chunk / parts) + within / parts;
            put_weight(layout, weights, o * depth + k, to + at * layout.element);
        }
    }
}

static inline int32_t *head_of(Layout layout, size_t depth, size_t output, char *packed)
{
    return (int32_t *)(void *)(packed + block_start(layout, depth, output)) + output % WIDTH;
}

#endif
