/* FULLY_CONNECTED in 256-bit vectors, two of them side by side. The file that includes this
 * defines TARGET, KERNEL, QUAD_BYTES and dot_half(). The same bytes as the portable kernel.
 *
 * A quad is four neighbouring inputs as uint8 (128 added), which the instructions multiply with int8.
 * Packed weights are, for each block of 16 outputs, the bias (less 128 times the sum of the weights),
 * the multiplier and 30 - shift, each int32 [16], and the weights [quads][16][4] in the form of
 * dot_half(), padded with zeros. The packer is packing/gemm.c. */
#include "fully_connected.h"

enum { WIDTH = 16, HEAD = 3 * WIDTH * 4 };

typedef struct {
    __m256i low, high;
} vec;

TARGET static inline vec zero(void)
{
    const vec result = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    return result;
}

TARGET static inline __m256i load_half(const void *bytes)
{
    return _mm256_loadu_si256(bytes);
}

TARGET static inline vec load(const int32_t *numbers)
{
    const vec result = {load_half(numbers), load_half(numbers + 8)};
    return result;
}

TARGET static inline vec add(vec a, vec b)
{
    const vec result = {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
    return result;
}

/* Adds the products of up to four inputs and the weights of 16 outputs. */
TARGET static inline vec dot(vec sum, uint32_t quad, const char *weights)
{
    const __m256i four = _mm256_set1_epi32((int32_t)(quad ^ 0x80808080u));
    const vec result = {dot_half(sum.low, four, weights),
                      dot_half(sum.high, four, weights + QUAD_BYTES / 2)};
    return result;
}

TARGET static inline uint32_t quad_at(const int8_t *input)
{
    uint32_t quad;
    memcpy(&quad, input, sizeof quad);
    return quad;
}

/* value >> right of signed 64-bit numbers, which AVX2 has for unsigned ones only. */
TARGET static inline __m256i shifted(__m256i value, __m256i right)
{
    const __m256i lowest = _mm256_set1_epi64x(INT64_MIN);
    return _mm256_sub_epi64(_mm256_srlv_epi64(_mm256_xor_si256(value, lowest), right),
                            _mm256_srlv_epi64(lowest, right));
}

/* ek_rescale_once, the zero point and the bounds. Half of 1 >> n is added as 1 between two shifts. */
TARGET static inline __m256i finish_half(__m256i sum, __m256i multiplier, __m256i right,
                                         const FullyConnectedInt8 *layer)
{
    const __m256i one = _mm256_set1_epi64x(1);
    const __m256i right_even = _mm256_and_si256(right, _mm256_set1_epi64x(0xffffffff));
    __m256i even = _mm256_mul_epi32(sum, multiplier);
    __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(sum, 32), _mm256_srli_epi64(multiplier, 32));
    even = _mm256_add_epi64(shifted(even, right_even), one);
    odd = _mm256_add_epi64(shifted(odd, _mm256_srli_epi64(right, 32)), one);
    even = _mm256_srli_epi64(even, 1);
    odd = _mm256_slli_epi64(odd, 31);
    sum = _mm256_blend_epi32(even, odd, 0xaa);
    sum = _mm256_add_epi32(sum, _mm256_set1_epi32(layer->output_zero_point));
    sum = _mm256_max_epi32(sum, _mm256_set1_epi32(layer->lowest));
    return _mm256_min_epi32(sum, _mm256_set1_epi32(layer->highest));
}

TARGET static inline vec finish(vec sum, vec multiplier, vec right,
                                const FullyConnectedInt8 *layer)
{
    const vec result = {finish_half(sum.low, multiplier.low, right.low, layer),
                      finish_half(sum.high, multiplier.high, right.high, layer)};
    return result;
}

TARGET static inline void store(int8_t *output, int32_t count, vec numbers)
{
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(numbers.low, numbers.high),
                                                   0xd8); /* packs works in halves */
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    if (count == 16) {
        _mm_storeu_si128((__m128i *)(void *)output, bytes);
    } else {
        int8_t all[16];
        _mm_storeu_si128((__m128i *)(void *)all, bytes);
        for (int32_t i = 0; i < count; i++)
            output[i] = all[i];
    }
}

TARGET void KERNEL(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int32_t rows = layer->rows, depth = layer->depth, outputs = layer->outputs;
    const int32_t quads = depth / 4, rest = depth % 4;
    const int8_t *input = tensors[0];
    int8_t *output = tensors[5];

    for (int32_t row = 0; row < rows; row++, input += depth, output += outputs) {
        uint32_t last = 0x80808080u;
        memcpy(&last, input + 4 * quads, (size_t)rest);
        const char *weights = tensors[1];
        for (int32_t o = 0; o < outputs; o += WIDTH) {
            const int32_t *head = (const int32_t *)(const void *)weights;
            vec a = load(head), b = zero();
            int32_t k = 0;
            weights += HEAD;
            for (; k + 2 <= quads; k += 2, weights += 2 * QUAD_BYTES) {
                a = dot(a, quad_at(input + 4 * k), weights);
                b = dot(b, quad_at(input + 4 * k + 4), weights + QUAD_BYTES);
            }
            for (; k < quads; k++, weights += QUAD_BYTES)
                a = dot(a, quad_at(input + 4 * k), weights);
            if (rest) {
                b = dot(b, last, weights);
                weights += QUAD_BYTES;
            }
            store(output + o, outputs - o < WIDTH ? outputs - o : WIDTH,
                  finish(add(a, b), load(head + WIDTH), load(head + 2 * WIDTH), layer));
        }
    }
}
