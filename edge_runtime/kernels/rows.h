/* Rows of a tensor that lie in memory one after another, where not all of them are held: for
 * exported models that run row by row. */
#ifndef EK_ROWS_H
#define EK_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "outline.h"

/* The first row that is held, and the one behind the last. */
typedef struct {
    int32_t first, end;
} EkHeld;

static inline void *ek_held_row(void *memory, int32_t row, int32_t bytes)
{
    return (uint8_t *)memory + (size_t)row * (size_t)bytes;
}

/* Bytes that any compiler copies by loads and stores of words, where these need not be aligned. */
typedef struct {
    uint8_t bytes[8];
} EkBlock;

/* Copies a row: the memcpy of a small library moves single bytes. */
static void ek_copy_row(void *to, const void *from, int32_t bytes)
{
    uint8_t *at = (uint8_t *)to;
    const uint8_t *source = (const uint8_t *)from;
    for (; bytes >= 32; bytes -= 32, at += 32, source += 32) {
        EkBlock *blocks = (EkBlock *)at;
        const EkBlock *others = (const EkBlock *)source;
        blocks[0] = others[0];
        blocks[1] = others[1];
        blocks[2] = others[2];
        blocks[3] = others[3];
    }
    for (; bytes > 0; bytes--)
        *at++ = *source++;
}

/* The same of words, in a union because tensors of any type may lie there: compilers copy it by
 * instructions for several words. */
typedef struct {
    union {
        int32_t word;
        uint8_t bytes[32];
    } of;
} EkWords;

/* Drops the first rows of those held; the others move to their place, which is aligned to words. */
static EK_OUTLINE void ek_drop_rows(void *memory, EkHeld *held, int32_t count, int32_t bytes)
{
    uint8_t *to = (uint8_t *)memory;
    const int32_t apart = count * bytes, each = (int32_t)sizeof(EkWords);
    const uint8_t *from = to + apart;
    held->first += count;
    const uint8_t *const end = from + (held->end - held->first) * bytes;
    if (apart % (int32_t)sizeof(int32_t) == 0 && apart >= each)
        for (; end - from >= each; to += each, from += each)
            *(EkWords *)(void *)to = *(const EkWords *)(const void *)from;
    while (from < end)
        *to++ = *from++;
}

static void ek_copy_params(int32_t *to, const int32_t *params, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        to[i] = params[i];
}

/* A step by rows: the stride and reach of its windows, the rows of its output that are calculated
 * at once, and all of them; the number of its parameters, and the places of those that depend on
 * the rows: of the height of the image, of the rows of padding above it, of the output's rows. */
typedef struct {
    int32_t stride, reach;
    int16_t at_once, rows;
    uint8_t params, height, top, output_height;
} EkRowStep;

/* Copies the parameters of a whole tensor as those of the rows of the output from a row on. Returns
 * the first row of the input that they need. */
static EK_OUTLINE int32_t ek_params_of_rows(int32_t *own, const int32_t *params,
                                            const EkRowStep *step, int32_t row)
{
    const int32_t left = step->rows - row, count = left < step->at_once ? left : step->at_once;
    const int32_t top = row * step->stride - params[step->top], height = params[step->height];
    const int32_t bottom = top + (count - 1) * step->stride + step->reach;
    const int32_t first = top < 0 ? 0 : top;
    ek_copy_params(own, params, step->params);
    own[step->height] = (bottom < height ? bottom : height) - first;
    own[step->top] = first - top;
    own[step->output_height] = count;
    return first;
}

#endif
