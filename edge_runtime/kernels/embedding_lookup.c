/* EMBEDDING_LOOKUP; the meaning is defined in embedding_lookup.py. */
#define EK_ROLLED
#include "kernel.h"

#include "flash.h"

typedef struct {
    int32_t count, rows, columns;
} EmbeddingLookup;

/* tensors: indices int32 [count], table int8 [rows][columns], scales float [rows], output float
 * [count][columns]. */
void ek_embedding_lookup_hybrid(const int32_t *params, void *const *tensors)
{
    const EmbeddingLookup *p = (const EmbeddingLookup *)params;
    const int32_t columns = p->columns, rows = p->rows;
    const int32_t *indices = (const int32_t *)tensors[0];
    const float *scales = (const float *)tensors[2];
    float *output = (float *)tensors[3];

    for (int32_t i = 0; i < p->count; i++, output += columns) {
        const int32_t at = indices[i];
        const int inside = at >= 0 && at < rows;
        const float scale = inside ? ek_flash_float(&scales[at]) : 0;
        const int8_t *row = (const int8_t *)tensors[1];
        row += inside ? (size_t)at * (size_t)columns : 0;
        for (int32_t c = 0; c < columns; c++)
            output[c] = inside ? (float)row[c] * scale : 0;
    }
}
