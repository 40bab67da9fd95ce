/* What pools do with a tap and with a window, in vectors of any width. The file that includes this
 * defines INLINE, Vector, Floats, and V(name), an intrinsic of their width. */
#include "float_bits.h"
#include "pool.h"

typedef enum { MAX_INT8, MAX_FLOAT, AVERAGE_FLOAT } Kind;

INLINE Vector initial(Kind kind)
{
    return kind == MAX_INT8    ? V(set1_epi8)(INT8_MIN)
           : kind == MAX_FLOAT ? (Vector)V(set1_ps)(-3.402823466e38f)
                               : (Vector)V(setzero_ps)();
}

/* The largest of bytes; of floats the largest, or the other where the tap is NaN; or the sum. */
INLINE Vector joined(Kind kind, Vector tap, Vector total)
{
    const Floats a = (Floats)tap, b = (Floats)total;
    if (kind == MAX_INT8)
        return V(max_epi8)(tap, total);
    return (Vector)(kind == MAX_FLOAT ? V(max_ps)(a, b) : V(add_ps)(b, a));
}

INLINE Vector finished(Kind kind, const Pool *p, Vector total, int32_t count)
{
    if (kind == MAX_INT8) {
        total = V(max_epi8)(total, V(set1_epi8)((char)p->lowest));
        return V(min_epi8)(total, V(set1_epi8)((char)p->highest));
    }
    Floats value = (Floats)total;
    if (kind == AVERAGE_FLOAT)
        value = V(div_ps)(value, V(set1_ps)((float)count));
    value = V(max_ps)(V(set1_ps)(ek_float(&p->lowest)), value); /* NaN stays */
    value = V(min_ps)(V(set1_ps)(ek_float(&p->highest)), value);
    return (Vector)value;
}
