/* Dense int8 weights for Cortex-M cores with the DSP extension.
 *
 * A halfword P = 256 * b + a holds the weights of two outputs a, b for one depth, and a word those
 * of the depths k and k + 2; of four depths the first word has the even ones, the second the odd
 * ones, as SXTB16 splits four inputs. If depth is not a multiple of 4, the last word is
 * the last four inputs; those that an earlier word has as well get weights of 0. */
#define EK_SMALL
#include "kernel.h"

#include <string.h>

#include "bias.h"
#include "finish_dsp.h"
#include "fully_connected.h"
#include "table.h"

enum {
    STEP = 4,   /* depths of a word of inputs, which one instruction loads */
    PASS = 3,   /* pairs of outputs in a pass of the dense kernel; the last has what is left */
    BLOCK = 8,  /* pairs of outputs that the skipping kernel sums at once */
    LEAST_SHIFT = -2,
    MOST_SHIFT = -24,
    MOST = 1 << 23 /* the sum of the products with b must stay below this */
};

typedef struct {
    const int8_t *weights;
    int32_t depth, outputs, pairs, words;
} Layer;

static Layer layer_of(const FullyConnectedInt8 *params, const int8_t *weights)
{
    const Layer layer = {weights, params->depth, params->outputs,
                         params->outputs / 2 + params->outputs % 2,
                         params->depth / STEP + (params->depth % STEP != 0)};
    return layer;
}

/* The weight of an output that is multiplied with input ``position`` of a word. */
static inline int32_t weight_at(const Layer *layer, int32_t output, int32_t word, int32_t position)
{
    const int32_t start = word * STEP, missing = layer->depth - STEP;
    const int32_t k = (start > missing ? missing : start) + position;
    if (output >= layer->outputs || k < start)
        return 0;
    return layer->weights[(ptrdiff_t)output * layer->depth + k];
}

/* Whether each pair of weights fits into a halfword: it does not if b is -128 and a < 0. */
static int fits(const Layer *layer)
{
    if (layer->depth < STEP)
        return 0;
    for (int32_t o = 1; o < layer->outputs; o += 2) {
        const int8_t *b = layer->weights + (ptrdiff_t)o * layer->depth, *a = b - layer->depth;
        for (int32_t k = 0; k < layer->depth; k++)
            if (b[k] == -128 && a[k] < 0)
                return 0;
    }
    return 1;
}

static inline uint32_t halfword(const Layer *layer, int32_t pair, int32_t word, int32_t position)
{
    const int32_t a = weight_at(layer, 2 * pair, word, position);
    const int32_t b = weight_at(layer, 2 * pair + 1, word, position);
    return (uint32_t)(256 * b + a) & 0xffff;
}

/* Writes [even, odd][pairs] for a word of inputs, and returns the address of the next one. */
static uint32_t *put_pairs(const Layer *layer, int32_t word, int32_t first, int32_t count,
                           uint32_t *to)
{
    for (int32_t odd = 0; odd < 2; odd++)
        for (int32_t pair = first; pair < first + count; pair++)
            *to++ = halfword(layer, pair, word, odd) | halfword(layer, pair, word, odd + 2) << 16;
    return to;
}

/* The largest sum of the products of b with count inputs between lowest and highest. */
static inline int32_t largest(const int8_t *b, int32_t count, int32_t lowest, int32_t highest)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < count; k++)
        sum += b[k] * (b[k] < 0 ? lowest : highest);
    return sum;
}

/* The most words of depth for which no sum of products with b reaches MOST, wherever they start.
 * lowest <= 0 <= highest bound the factors of the weights. */
static int32_t chunk_of(const Layer *layer, int32_t lowest, int32_t highest)
{
    int32_t fails = layer->words + 1; /* length of the shortest run of words whose sum reaches it */
    for (int32_t o = 1; o < layer->outputs; o += 2) {
        const int8_t *b = layer->weights + (ptrdiff_t)o * layer->depth;
        for (int32_t sign = 0; sign < 2; sign++) {
            const int32_t low = sign ? -highest : lowest, high = sign ? -lowest : highest;
            int32_t sum = 0, first = 0; /* sum of the words from first on */
            for (int32_t word = 0; word < layer->words; word++) {
                const int32_t left = layer->depth - word * STEP;
                sum += largest(b + word * STEP, left < STEP ? left : STEP, low, high);
                for (; sum >= MOST; first++) {
                    if (word + 1 - first < fails)
                        fails = word + 1 - first;
                    sum -= largest(b + first * STEP, STEP, low, high);
                }
            }
        }
    }
    return fails - 1;
}

void ek_pack_finish(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int32_t *const shift = tensors[4];
    int8_t *const to = packing->tensors[4];
    int32_t is_short = layer->lowest == -128 && layer->highest == 127;
    packing->sizes[4] = 1 + (size_t)layer->outputs;
    for (int32_t o = 0; o < layer->outputs; o++)
        is_short = is_short && shift[o] <= LEAST_SHIFT && shift[o] >= MOST_SHIFT;
    if (!to)
        return;
    to[0] = (int8_t)is_short;
    for (int32_t o = 0; o < layer->outputs; o++)
        to[1 + o] = (int8_t)(is_short ? LEAST_SHIFT - shift[o] : shift[o]);
}

/* Words [words of depth][even, odd][pairs] for every pass; the bias is padded to an even number. */
int ek_pack_gemm_int8_dsp(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const FullyConnectedInt8 *const original = (const FullyConnectedInt8 *)params;
    const int32_t *const bias = tensors[2];
    const Layer layer = layer_of(original, tensors[1]);
    if (!layer.weights || !bias || !tensors[4] || !fits(&layer))
        return 0;
    memcpy(packing->params, original, sizeof *original);
    ((FullyConnectedInt8Dsp *)packing->params)->chunk = chunk_of(&layer, -128, 127);
    packing->count = sizeof(FullyConnectedInt8Dsp) / sizeof(int32_t);
    packing->sizes[1] = (size_t)layer.pairs * (size_t)layer.words * 8;
    packing->sizes[2] = layer.outputs % 2 ? (size_t)layer.pairs * 8 : 0;
    ek_pack_finish(params, tensors, packing);
    uint32_t *to = packing->tensors[1];
    if (!to)
        return 1;
    for (int32_t pair = 0, count; pair < layer.pairs; pair += count) {
        count = layer.pairs - pair < PASS ? layer.pairs - pair : PASS;
        for (int32_t word = 0; word < layer.words; word++)
            to = put_pairs(&layer, word, pair, count, to);
    }
    if (packing->sizes[2]) {
        int32_t *const padded = packing->tensors[2];
        memcpy(padded, bias, (size_t)layer.outputs * sizeof *bias);
        padded[layer.outputs] = 0;
    }
    return 1;
}

/* Words [words of depth][groups][even, odd][pairs] for every block: a group of one pair if their
 * number is odd, then groups of two. The bias is padded and has no input zero point. */
int ek_pack_gemm_int8_skip_dsp(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const FullyConnectedInt8Skip *const original = (const FullyConnectedInt8Skip *)params;
    const int32_t zero_point = original->input_zero_point;
    const int32_t *const bias = tensors[2];
    const Layer layer = layer_of((const FullyConnectedInt8 *)params, tensors[1]);
    if (!layer.weights || !bias || !tensors[4] || !fits(&layer))
        return 0;
    memcpy(packing->params, original, sizeof *original);
    ((FullyConnectedInt8SkipDsp *)packing->params)->chunk =
        chunk_of(&layer, -128 - zero_point, 127 - zero_point);
    packing->count = sizeof(FullyConnectedInt8SkipDsp) / sizeof(int32_t);
    packing->sizes[1] = (size_t)layer.pairs * (size_t)layer.words * 8;
    packing->sizes[2] = (size_t)layer.pairs * 8;
    ek_pack_finish(params, tensors, packing);
    uint32_t *to = packing->tensors[1];
    int32_t *const unfolded = packing->tensors[2];
    if (!to)
        return 1;
    for (int32_t first = 0; first < layer.pairs; first += BLOCK) {
        const int32_t end = layer.pairs - first < BLOCK ? layer.pairs : first + BLOCK;
        for (int32_t word = 0; word < layer.words; word++)
            for (int32_t pair = first, count; pair < end; pair += count) {
                count = (end - pair) % 2 ? 1 : 2;
                to = put_pairs(&layer, word, pair, count, to);
            }
    }
    unfolded[2 * layer.pairs - 1] = 0;
    for (int32_t o = 0; o < layer.outputs; o++)
        unfolded[o] =
            ek_shifted_bias(bias[o], zero_point, layer.weights + (ptrdiff_t)o * layer.depth,
                            (size_t)layer.depth);
    return 1;
}
