/* CONV_2D and FULLY_CONNECTED of int8 with AVX-VNNI, which processors without AVX-512 have. */
#include "kernel.h"

#ifdef EK_X86
#include "int8_avxvnni.h"

#define KERNEL(rounding) ek_conv_2d_int8_##rounding##_avxvnni
#define HYBRID(order) ek_conv_2d_hybrid_##order##_avxvnni
#define QUANTIZE ek_quantize_bytes_avx2
#define ONES ek_rescalers_one_avxvnni
#define WIDES ek_rescalers_two_avxvnni
#define SHARED
#define ROWS_KERNEL(kind) ek_fully_connected_##kind##_avxvnni
enum { MOST = 6 };

#include "conv_2d_int8.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
