/* How weights of int8 CONV_2D are laid out, in the form of conv_2d_bands.h. */
#ifndef EK_PACKING_CONV_2D_WEIGHTS_H
#define EK_PACKING_CONV_2D_WEIGHTS_H

#include <string.h>

#include "conv_2d_bands.h"

/* The form that a level reads. Bytes are multiplied by four, in the lane of an output; int16 in
 * pairs. NEON multiplies pairs of bytes, and adds two products in 16 bits; SMMLA eight bytes. */
typedef struct {
    size_t lanes, element; /* outputs of a vector, bytes of a number in the band */
    int32_t added;         /* to the numbers there */
    size_t together, part; /* bytes of an output multiplied at once, and those side by side */
    int doubling;          /* whether all modes have the numbers of EK_TWICE, for SQRDMULH */
    int tiles;             /* whether 16 chunks are multiplied at once */
    int is_unsigned;       /* whether weights are uint8 */
    int32_t groups;        /* of channels, the most that are multiplied with zeros between them */
} Form;

static const Form ZMM = {16, 1, 128, 4, 4, 0, 0, 0, 8}, YMM = {8, 1, 128, 4, 4, 0, 0, 0, 8};
static const Form PAIRS = {8, 2, 0, 4, 4, 0, 0, 0, 4}, UNSIGNED_PAIRS = {8, 2, 0, 4, 4, 0, 0, 1, 4};
static const Form TILES = {16, 1, 0, 4, 4, 0, 1, 0, 8}, NEON = {8, 1, 0, 4, 2, 1, 0, 0, 1};
static const Form DOTPROD = {8, 1, 0, 4, 4, 1, 0, 0, 1}, I8MM = {8, 1, 0, 8, 8, 1, 0, 0, 1};

/* Numbers of a run of a window, and how many runs a window has. */
static inline size_t run_of(const Conv2D *p)
{
    return (size_t)(ek_run(p) * p->channels);
}

static inline size_t runs_of(const Conv2D *p)
{
    return (size_t)(p->window_height * (p->window_width / ek_run(p)));
}

/* Bytes of a run that fills a multiple of "whole" bytes. */
static inline size_t run_size(const Conv2D *p, const Form *form, size_t whole)
{
    return (run_of(p) * form->element + whole - 1) / whole * whole;
}

/* Weights of a window. */
static inline size_t depth_of(const Conv2D *p)
{
    return (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
}

/* A weight, less the zero point of uint8. */
static inline int32_t weight_at(const Conv2D *p, const Form *form, const int8_t *weights, size_t at)
{
    return form->is_unsigned ? (uint8_t)weights[at] - p->weights_zero_point : weights[at];
}

/* The weight of an output for a number of its window, which has all channels: those of other groups
 * are multiplied by zeros. */
static inline int32_t spread_at(const Conv2D *p, const Form *form, const int8_t *weights, size_t o,
                                size_t at)
{
    const size_t channels = (size_t)p->channels, depth = (size_t)p->depth;
    weights += o * depth_of(p);
    if (channels == depth)
        return weight_at(p, form, weights, at);
    const size_t first = o / ((size_t)p->outputs / (channels / depth)) * depth;
    const size_t within = at % channels - first; /* a large number before the first, too */
    return within < depth ? weight_at(p, form, weights, at / channels * depth + within) : 0;
}

/* Writes the offset of each "size" bytes, of which those of a run fill a multiple of "whole". */
static inline void put_offsets(const Conv2D *p, const Form *form, size_t whole, int32_t size,
                               int32_t *offsets)
{
    const EkBands bands = ek_bands(p, (int32_t)form->element);
    const int32_t run = ek_run(p), bytes = (int32_t)run_size(p, form, whole);
    for (int32_t i = 0; i < p->window_height; i++)
        for (int32_t j = 0; j < p->window_width; j += run) {
            const ptrdiff_t column = (ptrdiff_t)j * p->dilation_w * p->channels;
            const ptrdiff_t start = i * p->dilation_h * bands.pitch + column;
            for (int32_t k = 0; k < bytes; k += size)
                *offsets++ = (int32_t)(start * (ptrdiff_t)form->element) + k;
        }
}

/* Writes the pieces of a window that is copied. */
static inline void put_pieces(const Conv2D *p, EkPiece *pieces)
{
    const EkBands bands = ek_bands(p, 1);
    const int32_t run = ek_run(p), bytes = run * p->channels;
    const int32_t apart = (bytes + EK_CHUNK - 1) / EK_CHUNK * EK_CHUNK;
    int64_t to = 0, before = 0;
    for (int32_t i = 0; i < p->window_height; i++)
        for (int32_t j = 0; j < p->window_width; j += run, to += apart) {
            const int64_t from = i * p->dilation_h * bands.pitch +
                                 (int64_t)j * p->dilation_w * p->channels - to;
            for (int64_t at = to, end = to + bytes, next; at < end; at = next, pieces++) {
                const int64_t tile = at / EK_TILE_BYTES * EK_TILE_BYTES;
                next = end < tile + EK_TILE_BYTES ? end : tile + EK_TILE_BYTES;
                pieces->mask = ~(uint64_t)0 >> (64 - (next - at)) << (at - tile);
                pieces->offset = (int32_t)(from + tile);
                pieces->last = 0;
                if (tile != before)
                    pieces[-1].last = 1;
                before = tile;
            }
        }
    pieces[-1].last = 1;
}

/* Whether two products that NEON adds in 16 bits could leave them: 2 * -128 * -128 does. */
static int overflows(const Conv2D *p, const int8_t *weights)
{
    const size_t run = run_of(p), all = runs_of(p) * (size_t)p->outputs;
    for (size_t i = 0; i < all; i++, weights += run)
        for (size_t k = 0; k + 2 < run; k++)
            if (k % 4 < 2 && weights[k] == -128 && weights[k + 2] == -128)
                return 1;
    return 0;
}

/* What a weight has in a window whose chunks are multiplied once, or twice: with -127 at least, and
 * with the rest. */
static inline int32_t part_of(int32_t weight, int32_t times, int32_t time)
{
    const int32_t first = times == 2 ? ek_most(weight, -127) : weight;
    return time == 0 ? first : weight - first;
}

/* Writes the weights of a vector's lane, in chunks that are "next" apart; those of a run fill a
 * multiple of "whole" bytes. */
static void put_lane(const Conv2D *p, const Form *form, size_t whole, const int8_t *weights,
                     size_t o, int32_t times, size_t next, char *to)
{
    const size_t run = run_of(p), runs = runs_of(p), count = form->together / form->element;
    const size_t chunks = run_size(p, form, whole) / form->together;
    for (size_t i = 0; i < (size_t)times * runs; i++, to += chunks * next)
        for (size_t k = 0; k < run; k++) {
            const int32_t whole_weight = spread_at(p, form, weights, o, i % runs * run + k);
            const int16_t weight = (int16_t)part_of(whole_weight, times, i >= runs);
            const size_t byte = k % count * form->element, part = form->part;
            char *const at = to + k / count * next + byte / part * form->lanes * part + byte % part;
            if (form->element == 1)
                *at = (char)weight;
            else
                memcpy(at, &weight, sizeof weight);
        }
}

#endif
