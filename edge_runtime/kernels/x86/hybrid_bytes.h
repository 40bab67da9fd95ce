/* Images of float32 quantised to bytes, for layers with int8 weights: ek_quantize_hybrid, with the
 * zero point added again. */
#ifndef EK_HYBRID_BYTES_H
#define EK_HYBRID_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* How an image was quantised. */
typedef struct {
    float scale;
    int32_t zero_point;
} EkQuantized;

typedef EkQuantized ek_quantize_bytes(const float *numbers, ptrdiff_t count, int32_t asymmetric,
                                      int8_t *bytes);

ek_quantize_bytes ek_quantize_bytes_avx2, ek_quantize_bytes_avx512;

#endif
