/* DEPTHWISE_CONV_2D of int8 with AVX-VNNI, which processors without AVX-512 have. */
#include "kernel.h"

#ifdef EK_X86
#include "int8_avxvnni.h"

#define KERNEL(rounding) ek_depthwise_conv_2d_int8_##rounding##_avxvnni
#define HYBRID ek_depthwise_conv_2d_hybrid_avxvnni
#define QUANTIZE ek_quantize_bytes_avx2
#define ONES ek_rescalers_one_avxvnni

#include "depthwise_conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
