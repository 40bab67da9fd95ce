/* UNIDIRECTIONAL_SEQUENCE_LSTM of float32 with AVX-512; see lstm_float32.h. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include "float32_avx512.h"

#define LEVEL(name) ek_##name##_avx512
enum { EACH = 8 };

#include "lstm_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
