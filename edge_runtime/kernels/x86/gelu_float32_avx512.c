/* GELU of float32 with AVX-512. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#define KERNEL(name) ek_##name##_avx512
#define LANES 8

#include "gelu_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
