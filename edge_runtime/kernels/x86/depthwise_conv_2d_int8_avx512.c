/* DEPTHWISE_CONV_2D of int8 with AVX-512 and its VNNI. */
#include "kernel.h"

#ifdef EK_X86
enum { ADDED = 128 };
#include "int8_zmm.h"

#define KERNEL(rounding) ek_depthwise_conv_2d_int8_##rounding##_avx512
#define HYBRID ek_depthwise_conv_2d_hybrid_avx512
#define QUANTIZE ek_quantize_bytes_avx512
#define ONES ek_rescalers_one_avx512

#include "depthwise_conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
