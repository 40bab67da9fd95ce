/* Dense int8 weights without their zeros: for every output the number of its groups, as four bytes,
 * the lowest first, then the groups. A group is the distances of GROUP weights from the weight
 * before, or from the first input, in half bytes, the lower half first, then the weights. Weights of
 * 0 bridge distances above FARTHEST and fill the last group. */
#define EK_SMALL
#include "kernel.h"

#include <string.h>

#include "finish_dsp.h"
#include "fully_connected.h"
#include "table.h"

enum { GROUP = 8, FARTHEST = 15, HEAD = 4, GROUP_SIZE = GROUP / 2 + GROUP };

/* Writes the count-th weight of an output; nothing if groups is NULL. */
static inline void put_weight(uint8_t *groups, size_t count, int32_t distance, int8_t weight)
{
    const size_t within = count % GROUP;
    if (!groups)
        return;
    uint8_t *const group = groups + count / GROUP * GROUP_SIZE;
    if (!within)
        memset(group, 0, GROUP_SIZE);
    group[within / 2] |= (uint8_t)(distance << within % 2 * 4);
    group[GROUP / 2 + within] = (uint8_t)weight;
}

/* Writes an output, or nothing if to is NULL; returns its size in bytes. */
static size_t put_output(const int8_t *weights, int32_t depth, uint8_t *to)
{
    uint8_t *const groups = to ? to + HEAD : NULL;
    size_t count = 0;
    int32_t before = 0;
    for (int32_t k = 0; k < depth; k++) {
        if (!weights[k])
            continue;
        for (; k - before > FARTHEST; before += FARTHEST)
            put_weight(groups, count++, FARTHEST, 0);
        put_weight(groups, count++, k - before, weights[k]);
        before = k;
    }
    const size_t number = (count + GROUP - 1) / GROUP;
    for (size_t i = 0; to && i < HEAD; i++)
        to[i] = (uint8_t)(number >> 8 * i);
    return HEAD + number * GROUP_SIZE;
}

int ek_pack_gemm_int8_sparse(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int8_t *const weights = tensors[1];
    uint8_t *const to = packing->tensors[1];
    size_t size = 0;
    if (!weights)
        return 0;
    for (int32_t o = 0; o < layer->outputs; o++)
        size += put_output(weights + (ptrdiff_t)o * layer->depth, layer->depth,
                           to ? to + size : NULL);
    packing->sizes[1] = size;
    return 1;
}

/* The same bytes as words, in the machine's order. */
int ek_pack_gemm_int8_sparse_dsp(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const int accepted = tensors[4] && ek_pack_gemm_int8_sparse(params, tensors, packing);
    uint8_t *const bytes = packing->tensors[1];
    for (size_t i = 0; accepted && bytes && i < packing->sizes[1]; i += 4) {
        const uint32_t word = bytes[i] | (uint32_t)bytes[i + 1] << 8 |
                              (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24;
        memcpy(bytes + i, &word, sizeof word);
    }
    if (accepted)
        ek_pack_finish(params, tensors, packing);
    return accepted;
}
