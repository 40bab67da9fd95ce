/* UNIDIRECTIONAL_SEQUENCE_LSTM of float32 with AVX2; see lstm_float32.h. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include "float32_avx2.h"

#define LEVEL(name) ek_##name##_avx2
enum { EACH = 4 };

#include "lstm_float32.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
