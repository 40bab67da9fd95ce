/* Rows of a tensor that lie in memory one after another, where not all of them are held: for
 * exported models that run row by row. */
#ifndef EK_ROWS_H
#define EK_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* Drops the first rows of those held; the others move to their place. */
static void ek_drop_rows(void *memory, EkHeld *held, int32_t count, int32_t bytes)
{
    held->first += count;
    for (int32_t row = 0; row < held->end - held->first; row++)
        ek_copy_row(ek_held_row(memory, row, bytes), ek_held_row(memory, row + count, bytes),
                    bytes);
}

static void ek_copy_params(int32_t *to, const int32_t *params, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        to[i] = params[i];
}

/* Makes parameters of a whole tensor those of a row of the output, and returns the first row of the
 * input that it needs. size: rows of the input, then those that the window covers; start: rows of
 * padding before the input, then before these. */
static int32_t ek_window_of_row(int32_t row, int32_t stride, int32_t reach, int32_t *size,
                                int32_t *start)
{
    const int32_t top = row * stride - *start;
    const int32_t first = top < 0 ? 0 : top;
    const int32_t end = top + reach < *size ? top + reach : *size;
    *size = end - first;
    *start = first - top;
    return first;
}

#endif
