/* ADD and SUB for AVX2: the portable code, whose 64-bit products AVX2 can vectorise. */
#define EK_AVX2
#include "kernel.h"

#ifdef EK_X86
#include "../add.c"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
