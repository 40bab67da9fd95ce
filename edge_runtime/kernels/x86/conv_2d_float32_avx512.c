/* CONV_2D of float32 with AVX-512. */
#include "kernel.h"

#ifdef EK_X86
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define KERNEL ek_conv_2d_float32_avx512

enum { LANES = 16, MANY = 12, FEW = 4 };

#include "conv_2d_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
