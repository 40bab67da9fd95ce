/* MAXIMUM and MINIMUM; the meaning is defined in maximum.py. */
#define EK_ROLLED
#include "kernel.h"

#include "broadcast.h"

typedef struct {
    int32_t greatest;
} Maximum;

/* The second number where neither is greater, or one is NaN. */
#define EK_MAXIMUM(p, a, b)                                                                        \
    (((p).greatest && (a) > (b)) || (!(p).greatest && (a) < (b)) ? (a) : (b))

EK_ELEMENTWISE(EK(maximum_int8), int8_t, int8_t, Maximum, EK_MAXIMUM)
EK_ELEMENTWISE(EK(maximum_uint8), uint8_t, uint8_t, Maximum, EK_MAXIMUM)
EK_ELEMENTWISE(EK(maximum_int16), int16_t, int16_t, Maximum, EK_MAXIMUM)
EK_ELEMENTWISE(EK(maximum_int32), int32_t, int32_t, Maximum, EK_MAXIMUM)
EK_ELEMENTWISE(EK(maximum_int64), int64_t, int64_t, Maximum, EK_MAXIMUM)
EK_ELEMENTWISE(EK(maximum_float32), float, float, Maximum, EK_MAXIMUM)
