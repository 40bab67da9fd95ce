/* CONV_2D and FULLY_CONNECTED of int8 with AVX-512 and its VNNI. */
#include "kernel.h"

#ifdef EK_X86
enum { ADDED = 128 };
#include "int8_zmm.h"

#define KERNEL(rounding) ek_conv_2d_int8_##rounding##_avx512
#define HYBRID(order) ek_conv_2d_hybrid_##order##_avx512
#define QUANTIZE ek_quantize_bytes_avx512
#define ONES ek_rescalers_one_avx512
#define WIDES ek_rescalers_two_avx512
#define SHARED
#define ROWS_KERNEL(kind) ek_fully_connected_##kind##_avx512
#define MOST_IS_8 1
enum { MOST = 8 };

#include "conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
