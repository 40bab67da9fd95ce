/* Functions of two bools, bytes of which all but 0 are true; defined in logical.py. */
#include "kernel.h"

#include "broadcast.h"

typedef struct {
    int32_t truth;
} Logical;

#define EK_LOGICAL(p, a, b) ((p).truth >> (2 * ((a) != 0) + ((b) != 0)) & 1)

EK_ELEMENTWISE_SMALL(EK(logical), uint8_t, uint8_t, Logical, EK_LOGICAL)
