/* PAD; the meaning is defined in pad.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "strides.h"

typedef struct {
    int32_t rows, output_bytes, size, offset, element, loops;
} Pad;

/* Repeats an element. */
static void repeat(char *output, size_t bytes, const char *element, size_t size)
{
    if (size == 1) {
        memset(output, element[0], bytes);
    } else if (bytes) {
        memcpy(output, element, size);
        for (size_t done = size; done < bytes; done *= 2)
            memcpy(output + done, output, bytes - done < done ? bytes - done : done);
    }
}

/* tensors: input, int8 [element] bytes of the padding value, int32 [2][loops] sizes and strides of
 * the output in bytes, output. */
void ek_pad(const int32_t *params, void *const *tensors)
{
    Pad p; /* a copy, because the output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const char *input = (const char *)tensors[0];
    const int8_t *value = (const int8_t *)tensors[1];
    const int32_t *table = (const int32_t *)tensors[2], *strides = table + p.loops;
    char *output = (char *)tensors[3];
    const int32_t runs = ek_runs(table, p.loops);
    const ptrdiff_t end = (ptrdiff_t)p.output_bytes, size = (ptrdiff_t)p.size;
    char element[8];
    int same = 1; /* whether its bytes are */

    for (int32_t i = 0; i < p.element; i++) {
        element[i] = (char)ek_flash_int8(&value[i]);
        same = same && element[i] == element[0];
    }
    const size_t unit = same ? 1 : (size_t)p.element;
    for (int32_t row = 0; row < p.rows; row++, output += end) {
        ptrdiff_t done = 0;
        for (int32_t run = 0; run < runs; run++, input += size) {
            const ptrdiff_t at = (ptrdiff_t)p.offset + ek_strided(table, strides, p.loops, run);
            repeat(output + done, (size_t)(at - done), element, unit);
            memcpy(output + at, input, (size_t)size);
            done = at + size;
        }
        repeat(output + done, (size_t)(end - done), element, unit);
    }
}
