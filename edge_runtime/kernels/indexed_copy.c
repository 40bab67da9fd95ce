/* Bytes from or to positions that tables name; the meaning is defined in indexed_copy.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "flash.h"

typedef struct {
    int32_t rows, input_bytes, size, loops;
} IndexedCopy;

typedef struct {
    int32_t rows, output_bytes, size, fill, loops;
} IndexedCopyOut;

/* What the loops are: how often they run in all, and the end of the table. */
typedef struct {
    int32_t runs;
    const int32_t *end;
} Loops;

static Loops loops_of(const int32_t *table, int32_t loops)
{
    Loops all = {1, table + loops};
    for (int32_t loop = 0; loop < loops; loop++) {
        const int32_t size = ek_flash_int32(&table[loop]);
        all.runs *= size;
        all.end += size;
    }
    return all;
}

/* The sum of the positions in a run. */
static ptrdiff_t position(const int32_t *table, int32_t loops, const int32_t *end, int32_t run)
{
    ptrdiff_t at = 0;
    for (int32_t loop = loops - 1; loop >= 0; loop--) {
        const int32_t size = ek_flash_int32(&table[loop]);
        end -= size;
        at += (ptrdiff_t)ek_flash_int32(&end[run % size]);
        run /= size;
    }
    return at;
}

/* tensors: input, int32 table of [loops] sizes and then as many positions of each loop, output. */
void ek_indexed_copy(const int32_t *params, void *const *tensors)
{
    IndexedCopy p; /* a copy, because the output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const char *input = (const char *)tensors[0];
    const int32_t *table = (const int32_t *)tensors[1];
    char *output = (char *)tensors[2];
    const Loops all = loops_of(table, p.loops);
    const size_t size = (size_t)p.size;

    for (int32_t row = 0; row < p.rows; row++, input += p.input_bytes)
        for (int32_t run = 0; run < all.runs; run++, output += size)
            memcpy(output, input + position(table, p.loops, all.end, run), size);
}

/* The inverse: the positions are those of the output, whose other bytes are filled. */
void ek_indexed_copy_out(const int32_t *params, void *const *tensors)
{
    IndexedCopyOut p; /* a copy, because the output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const char *input = (const char *)tensors[0];
    const int32_t *table = (const int32_t *)tensors[1];
    char *output = (char *)tensors[2];
    const Loops all = loops_of(table, p.loops);
    const size_t size = (size_t)p.size;

    for (int32_t row = 0; row < p.rows; row++, output += p.output_bytes) {
        memset(output, (int)p.fill, (size_t)p.output_bytes);
        for (int32_t run = 0; run < all.runs; run++, input += size)
            memcpy(output + position(table, p.loops, all.end, run), input, size);
    }
}
