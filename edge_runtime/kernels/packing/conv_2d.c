/* Weights of int8 CONV_2D for the kernels of x86 and aarch64, in the form of conv_2d_bands.h. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "conv_2d_weights.h"
#include "fully_connected.h"
#include "rescaling.h"
#include "table.h"

/* A band of an image much smaller than its windows would take more memory than the image. */
static inline int fits(const Conv2D *p, const Form *form)
{
    const size_t image = (size_t)p->height * (size_t)p->width * (size_t)p->channels;
    const EkBands bands = ek_bands(p, (int32_t)form->element);
    const size_t size = ek_band_size(&bands, (int32_t)form->element);
    return p->channels <= form->groups * p->depth && size < 16 * image + (1 << 16) &&
           size < (size_t)1 << 30;
}

static Output output_of(const Conv2D *p, const Form *form, void *const *tensors, size_t o,
                        int rounding)
{
    const size_t depth = depth_of(p);
    const int8_t *const weights = (const int8_t *)tensors[1] + o * depth;
    int64_t size = 0, sum = 0;
    for (size_t k = 0; k < depth; k++) {
        const int32_t weight = weight_at(p, form, weights, k);
        size += weight < 0 ? -weight : weight;
        sum += weight;
    }
    return output_for(sum, size, form->added + p->input_zero_point, tensors, o, rounding);
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
    if (!fits(p, form) || (doubling && saturates(tensors[3], outputs)))
        return 0;
    const EkTiles tiles = ek_tiles(p);
    const size_t step = form->tiles ? EK_TILE_BYTES : EK_CHUNK;
    const size_t whole = form->tiles && tiles.in_band ? step : form->together;
    const int32_t times = form->part == 2 && overflows(p, tensors[1]) ? 2 : 1;
    const size_t once = runs_of(p) * run_size(p, form, whole) / EK_CHUNK;
    const size_t chunks = form->tiles ? tiles.steps * step / EK_CHUNK : (size_t)times * once;
    const size_t places = form->tiles ? ek_tile_places(tiles) : chunks * sizeof(int32_t);
    const size_t vectors = (outputs + lanes - 1) / lanes;
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
    mode = mode_of(rounding, mode);
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
        put_lane(p, form, whole, tensors[1], o, times, many * lanes * form->together,
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

/* FULLY_CONNECTED as a convolution, of an image with so many rows, or of images of one. */
static inline Conv2D layer_of(int32_t images, int32_t rows, int32_t depth, int32_t outputs)
{
    const Conv2D layer = {.batches = images, .height = rows, .width = 1, .channels = depth,
                          .output_height = rows, .output_width = 1, .outputs = outputs,
                          .depth = depth, .window_height = 1, .window_width = 1,
                          .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1};
    return layer;
}

static int pack_rows(const Form *form, const int32_t *params, void *const *tensors,
                     ek_packing *packing)
{
    const FullyConnectedInt8 *const p = (const FullyConnectedInt8 *)params;
    Conv2D layer = layer_of(1, p->rows, p->depth, p->outputs);
    layer.output_zero_point = p->output_zero_point;
    layer.lowest = p->lowest;
    layer.highest = p->highest;
    packing->count = sizeof layer / sizeof(int32_t);
    memcpy(packing->params, &layer, sizeof layer);
    return pack(form, ONCE, packing->params, tensors, packing);
}

static int pack_hybrid_rows(const Form *form, const int32_t *params, void *const *tensors,
                            ek_packing *packing)
{
    enum { ROWS, DEPTH, OUTPUTS, ASYMMETRIC, LOWEST, HIGHEST }; /* FullyConnectedHybrid */
    Conv2D layer = layer_of(params[ROWS], 1, params[DEPTH], params[OUTPUTS]);
    if ((int64_t)layer.depth * layer.outputs < 256)
        return 0;
    layer.lowest = params[LOWEST];
    layer.highest = params[HIGHEST];
    packing->count = EK_ASYMMETRIC + 1;
    memcpy(packing->params, &layer, sizeof layer);
    packing->params[EK_ASYMMETRIC] = params[ASYMMETRIC];
    return pack(form, HYBRID, packing->params, tensors, packing);
}

int ek_pack_gemm_hybrid_avx512(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_hybrid_rows(&ZMM, params, tensors, packing);
}

int ek_pack_gemm_hybrid_avxvnni(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_hybrid_rows(&YMM, params, tensors, packing);
}

int ek_pack_gemm_hybrid_avx2(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack_hybrid_rows(&PAIRS, params, tensors, packing);
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

int ek_pack_conv_hybrid_amx(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return fills_tiles((const Conv2D *)params) && pack(&TILES, HYBRID, params, tensors, packing);
}

int ek_pack_conv_hybrid_avx512(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(&ZMM, HYBRID, params, tensors, packing);
}

int ek_pack_conv_hybrid_avxvnni(const int32_t *params, void *const *tensors,
                                   ek_packing *packing)
{
    return pack(&YMM, HYBRID, params, tensors, packing);
}

int ek_pack_conv_hybrid_avx2(const int32_t *params, void *const *tensors, ek_packing *packing)
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
