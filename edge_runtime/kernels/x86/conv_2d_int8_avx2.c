/* CONV_2D of int8 and uint8, and FULLY_CONNECTED of int8, with AVX2. */
#include "kernel.h"

#ifdef EK_X86
#include "int8_avx2.h"

#define KERNEL(rounding) ek_conv_2d_int8_##rounding##_avx2
#define HYBRID(order) ek_conv_2d_hybrid_##order##_avx2
#define QUANTIZE ek_quantize_bytes_avx2
#define ONES ek_rescalers_one_avx2
#define WIDES ek_rescalers_two_avx2
#define SHARED
#define ROWS_KERNEL(kind) ek_fully_connected_##kind##_avx2
enum { MOST = 6 };

#include "conv_2d_int8.h"

/* The packer has moved the zero points and bounds into int8. */
void ek_conv_2d_uint8_twice_avx2(const int32_t *params, void *const *tensors)
{
    convolve(params, tensors, tensors[5], tensors[6]);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
