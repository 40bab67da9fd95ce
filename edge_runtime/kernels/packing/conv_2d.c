/* Weights of int8 CONV_2D for the kernels of x86 and aarch64, in the form of conv_2d_bands.h. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "conv_2d_bands.h"
#include "fully_connected.h"
#include "rescaling.h"
#include "table.h"

/* The form that a level reads. Bytes are multiplied by four, in the lane of an output; int16 in
 * pairs. NEON multiplies pairs of bytes, and adds two products in 16 bits; SMMLA eight bytes. */
typedef struct {
    size_t lanes, element; /* outputs of a vector, bytes of a number in the band */
    int32_t added;         /* to the numbers there */
    size_t together, part; /* bytes of an output multiplied at once, and those side by side */
    int doubling;          /* whether all modes have the numbers of EK_TWICE, for SQRDMULH */
    int tiles;             /* whether 16 chunks are multiplied at once */
    int is_unsigned;       /* whether weights are uint8 */
} Form;

static const Form ZMM = {16, 1, 128, 4, 4, 0, 0, 0}, YMM = {8, 1, 128, 4, 4, 0, 0, 0};
static const Form PAIRS = {8, 2, 0, 4, 4, 0, 0, 0}, UNSIGNED_PAIRS = {8, 2, 0, 4, 4, 0, 0, 1};
static const Form TILES = {16, 1, 0, 4, 4, 0, 1, 0}, NEON = {8, 1, 0, 4, 2, 1, 0, 0};
static const Form DOTPROD = {8, 1, 0, 4, 4, 1, 0, 0}, I8MM = {8, 1, 0, 8, 8, 1, 0, 0};

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

/* A weight, less the zero point of uint8. */
static inline int32_t weight_at(const Conv2D *p, const Form *form, const int8_t *weights, size_t at)
{
    return form->is_unsigned ? (uint8_t)weights[at] - p->weights_zero_point : weights[at];
}

/* A band of an image much smaller than its windows would take more memory than the image. */
static inline int fits(const Conv2D *p, size_t element)
{
    const size_t image = (size_t)p->height * (size_t)p->width * (size_t)p->channels;
    const EkBands bands = ek_bands(p, (int32_t)element);
    const size_t size = ek_band_size(&bands, (int32_t)element);
    return p->channels == p->depth && size < 16 * image + (1 << 16) && size < (size_t)1 << 30;
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
                     int32_t times, size_t next, char *to)
{
    const size_t run = run_of(p), runs = runs_of(p), count = form->together / form->element;
    const size_t chunks = run_size(p, form, whole) / form->together;
    for (size_t i = 0; i < (size_t)times * runs; i++, to += chunks * next)
        for (size_t k = 0; k < run; k++) {
            const int32_t whole_weight = weight_at(p, form, weights, i % runs * run + k);
            const int16_t weight = (int16_t)part_of(whole_weight, times, i >= runs);
            const size_t byte = k % count * form->element, part = form->part;
            char *const at = to + k / count * next + byte / part * form->lanes * part + byte % part;
            if (form->element == 1)
                *at = (char)weight;
            else
                memcpy(at, &weight, sizeof weight);
        }
}

static Output output_of(const Conv2D *p, const Form *form, void *const *tensors, size_t o,
                        int rounding)
{
    const size_t depth = (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
    const int8_t *const weights = (const int8_t *)tensors[1] + o * depth;
    const int32_t bias = ((const int32_t *)tensors[2])[o];
    Output output;
    int64_t size = 0, sum = 0;
    for (size_t k = 0; k < depth; k++) {
        const int32_t weight = weight_at(p, form, weights, k);
        size += weight < 0 ? -weight : weight;
        sum += weight;
    }
    const int64_t all = sum * (form->added + p->input_zero_point);
    const int32_t whole = rounding == HYBRID ? 0 : bias;
    output.bound = 255 * size + (bias < 0 ? -(int64_t)bias : bias);
    output.bias = (int32_t)((uint32_t)whole - (uint32_t)(uint64_t)all);
    output.factor = ((const int32_t *)tensors[3])[o];
    output.shift = rounding < FLOAT ? ((const int32_t *)tensors[4])[o] : 0;
    if (rounding == HYBRID) {
        output.shift = (int32_t)sum;
        output.addend = bias;
    }
    return output;
}

static inline void put_start(int32_t mode, size_t chunks, int32_t flip, char *packed)
{
    const int32_t start[] = {mode, (int32_t)chunks, flip};
    memcpy(packed, start, sizeof start);
}

static int pack(const Form *form, int rounding, const int32_t *params, void *const *tensors,
                ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    const size_t lanes = form->lanes, outputs = (size_t)p->outputs;
    const int doubling = form->doubling && rounding == TWICE;
    for (int i = 1; i < 4 + (rounding < FLOAT); i++)
        if (!tensors[i])
            return 0;
    if (!fits(p, form->element) || (doubling && saturates(tensors[3], outputs)))
        return 0;
    const EkTiles tiles = ek_tiles(p);
    const size_t step = form->tiles ? EK_TILE_BYTES : EK_CHUNK;
    const size_t whole = form->tiles && tiles.in_band ? step : form->together;
    const int32_t times = form->part == 2 && overflows(p, tensors[1]) ? 2 : 1;
    const size_t once = runs_of(p) * run_size(p, form, whole) / EK_CHUNK;
    const size_t chunks = form->tiles ? tiles.steps * step / EK_CHUNK : (size_t)times * once;
    const size_t places = form->tiles ? ek_tile_places(tiles) : chunks * sizeof(int32_t);
    const size_t vectors = (outputs + lanes - 1) / lanes;
    const size_t depth = (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
    const size_t weights = ek_weights_start(places, outputs, lanes);
    char *const packed = packing->tensors[1];
    /* Tiles multiply few rows as vectors: of bytes to which 128 are added, with biases of their own,
     * int32 [vectors][lanes] behind the weights. */
    const int with_bytes = rounding == ONCE && form->tiles;
    const size_t biases = weights + vectors * chunks * lanes * EK_CHUNK;
    const int32_t flip = form->is_unsigned ? 128 : 0;
    const int is_above = rounding == ONCE || p->lowest + flip >= p->output_zero_point;
    int32_t mode = is_above ? EK_ABOVE : EK_EITHER;
    packing->sizes[1] = biases + (with_bytes ? vectors * lanes * sizeof(int32_t) : 0);
    if (!packed)
        return 1;
    int32_t *const offsets = (int32_t *)(void *)(packed + 64);
    memset(packed, 0, packing->sizes[1]);
    if (!form->tiles || tiles.in_band)
        for (int32_t i = 0; i < times; i++)
            put_offsets(p, form, whole, (int32_t)step, offsets + (size_t)i * once);
    else {
        for (size_t k = 0; k < tiles.steps; k++)
            offsets[k] = (int32_t)(k * step);
        put_pieces(p, (EkPiece *)(void *)(packed + 64 + ek_rounded(tiles.steps * sizeof(int32_t))));
    }
    for (size_t o = 0; o < outputs; o++)
        mode = mode_for(output_of(p, form, tensors, o, rounding), mode,
                        rounding == ONCE ? EK_ONCE : EK_TWICE);
    mode = rounding == FLOAT ? EK_FLOAT : rounding == HYBRID ? EK_HYBRID : mode;
    put_start(mode, chunks, flip, packed);
    for (size_t o = 0; o < outputs; o++) {
        const size_t before = o / (2 * lanes) * 2, many = vectors - before > 1 ? 2 : 1;
        const size_t within = o % (2 * lanes);
        const int in_order = rounding == HYBRID; /* floats are not packed */
        const size_t vector = in_order ? within / lanes : ek_vector(within, many);
        const size_t lane = in_order ? within % lanes : ek_lane(within, many);
        const size_t head = (before + vector) * EK_COLUMNS * lanes * 4;
        const Output output = output_of(p, form, tensors, o, rounding);
        put_head(doubling ? EK_TWICE : mode, rounding, output, p->output_zero_point, lanes, lane,
                 (int32_t *)(void *)(packed + ek_heads_start(places) + head));
        if (with_bytes) {
            const Output bytes = output_of(p, &ZMM, tensors, o, rounding);
            memcpy(packed + biases + ((before + vector) * lanes + lane) * sizeof bytes.bias,
                   &bytes.bias, sizeof bytes.bias);
        }
        put_lane(p, form, whole, (const int8_t *)tensors[1] + o * depth, times,
                 many * lanes * form->together,
                 packed + weights + before * chunks * lanes * EK_CHUNK +
                     vector * lanes * form->together + lane * form->part);
    }
    return 1;
}

/* Whether tiles are so full, and filled by so few pieces, that they are faster than vectors. */
static inline int fills_tiles(const Conv2D *p)
{
    const EkTiles tiles = ek_tiles(p);
    const size_t depth = (size_t)p->window_height * (size_t)p->window_width * (size_t)p->channels;
    const int many = (int64_t)p->output_height * p->output_width >= EK_TILE_ROWS / 2;
    return many && 2 * depth >= tiles.steps * EK_TILE_BYTES && tiles.pieces <= 4 * tiles.steps;
}

int ek_pack_conv_2d_int8_twice_amx(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return fills_tiles((const Conv2D *)params) && pack(&TILES, TWICE, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_amx(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return fills_tiles((const Conv2D *)params) && pack(&TILES, FLOAT, params, tensors, packing);
}

/* FULLY_CONNECTED as a convolution of rows. */
static int pack_rows(const Form *form, const int32_t *params, void *const *tensors,
                     ek_packing *packing)
{
    const FullyConnectedInt8 *const p = (const FullyConnectedInt8 *)params;
    const Conv2D layer = {.batches = 1, .height = p->rows, .width = 1, .channels = p->depth,
                          .output_height = p->rows, .output_width = 1, .outputs = p->outputs,
                          .depth = p->depth, .window_height = 1, .window_width = 1,
                          .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1,
                          .output_zero_point = p->output_zero_point, .lowest = p->lowest,
                          .highest = p->highest};
    packing->count = sizeof layer / sizeof(int32_t);
    memcpy(packing->params, &layer, sizeof layer);
    return pack(form, ONCE, packing->params, tensors, packing);
}

int ek_pack_gemm_int8_amx(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const FullyConnectedInt8 *const p = (const FullyConnectedInt8 *)params;
    return (int64_t)p->depth * p->outputs >= 256 && pack_rows(&TILES, params, tensors, packing);
}

int ek_pack_gemm_int8_avx512(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_rows(&ZMM, params, tensors, packing);
}

int ek_pack_gemm_int8_avxvnni(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_rows(&YMM, params, tensors, packing);
}

int ek_pack_gemm_int8_avx2(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_rows(&PAIRS, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_avx512(const int32_t *params, void *const *tensors,
                                      ek_packing *packing)
{
    return pack(&ZMM, TWICE, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_avx512(const int32_t *params, void *const *tensors,
                                      ek_packing *packing)
{
    return pack(&ZMM, FLOAT, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_avxvnni(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(&YMM, TWICE, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_avxvnni(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(&YMM, FLOAT, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_avx2(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    return pack(&PAIRS, TWICE, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_avx2(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    return pack(&PAIRS, FLOAT, params, tensors, packing);
}

int ek_pack_conv_2d_hybrid_amx(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return fills_tiles((const Conv2D *)params) && pack(&TILES, HYBRID, params, tensors, packing);
}

int ek_pack_conv_2d_hybrid_avx512(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(&ZMM, HYBRID, params, tensors, packing);
}

int ek_pack_conv_2d_hybrid_avxvnni(const int32_t *params, void *const *tensors,
                                   ek_packing *packing)
{
    return pack(&YMM, HYBRID, params, tensors, packing);
}

int ek_pack_conv_2d_hybrid_avx2(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(&PAIRS, HYBRID, params, tensors, packing);
}

/* Whether half of the eight bytes that SMMLA multiplies would be padding. */
static inline int is_short(const Conv2D *p)
{
    return run_of(p) <= EK_CHUNK;
}

int ek_pack_conv_2d_int8_twice_i8mm(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    return !is_short(p) && pack(&I8MM, TWICE, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_i8mm(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    return !is_short(p) && pack(&I8MM, FLOAT, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_dotprod(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(&DOTPROD, TWICE, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_dotprod(const int32_t *params, void *const *tensors,
                                       ek_packing *packing)
{
    return pack(&DOTPROD, FLOAT, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_neon(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    return pack(&NEON, TWICE, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_neon(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    return pack(&NEON, FLOAT, params, tensors, packing);
}

/* As int8, which the bytes are flipped to: the zero point of the input and the bounds move. */
int ek_pack_conv_2d_uint8_twice_avx2(const int32_t *params, void *const *tensors,
                                     ek_packing *packing)
{
    Conv2D layer = *(const Conv2D *)params;
    layer.input_zero_point -= 128;
    layer.lowest -= 128;
    layer.highest -= 128;
    packing->count = sizeof layer / sizeof(int32_t);
    memcpy(packing->params, &layer, sizeof layer);
    return pack(&UNSIGNED_PAIRS, TWICE, packing->params, tensors, packing);
}

static inline size_t scratch(const int32_t *params, int32_t element)
{
    const EkBands bands = ek_bands((const Conv2D *)params, element);
    return ek_band_size(&bands, element);
}

/* A band of bytes. */
size_t ek_scratch_conv_bytes(const int32_t *params)
{
    return scratch(params, 1);
}

/* A band of int16. */
size_t ek_scratch_conv_pairs(const int32_t *params)
{
    return scratch(params, 2);
}

/* A band of bytes, and behind it copies of two tiles' windows, or what is read beyond the last. */
size_t ek_scratch_conv_tiles(const int32_t *params)
{
    const Conv2D *const p = (const Conv2D *)params;
    const EkBands bands = ek_bands(p, 1);
    const EkTiles tiles = ek_tiles(p);
    const size_t copies = 2 * EK_TILE_ROWS * EK_TILE_BYTES * tiles.steps;
    const size_t beyond = EK_TILE_ROWS * (size_t)bands.step;
    return ek_band_size(&bands, 1) + 64 + (tiles.in_band ? beyond : copies);
}

/* An image in bytes, and what comes before. */
static inline size_t image_size(const int32_t *params)
{
    const Conv2D *const p = (const Conv2D *)params;
    return ek_rounded((size_t)p->height * (size_t)p->width * (size_t)p->channels);
}

size_t ek_scratch_hybrid_bytes(const int32_t *params)
{
    return image_size(params) + ek_scratch_conv_bytes(params);
}

size_t ek_scratch_hybrid_pairs(const int32_t *params)
{
    return image_size(params) + ek_scratch_conv_pairs(params);
}

size_t ek_scratch_hybrid_tiles(const int32_t *params)
{
    return image_size(params) + ek_scratch_conv_tiles(params);
}
