/* Bands of bytes, as they are in the image. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ELEMENT = 1 };

static inline void copy(uint8_t *to, const int8_t *from, ptrdiff_t count)
{
    if (count > 0)
        memcpy(to, from, (size_t)count);
}

static inline void fill(uint8_t *to, int32_t number, ptrdiff_t count)
{
    if (count > 0)
        memset(to, number, (size_t)count);
}
