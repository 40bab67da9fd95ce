"""From the name of a model to the C identifier that its library's names begin with."""

import re
import unicodedata

# ISO/IEC 9899:1999, 6.4.1, and ISO/IEC 14882:2017, 5.11, the alternative tokens of 5.5 included.
KEYWORDS = frozenset(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
    class compl const const_cast constexpr continue decltype default delete do double dynamic_cast
    else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast restrict return short signed sizeof static static_assert static_cast struct
    switch template this thread_local throw true try typedef typeid typename union unsigned using
    virtual void volatile wchar_t while xor xor_eq
    """.split()
)

# A library "string" would bring a string.h of its own, which hides the standard one. (ISO/IEC
# 9899:1999, 7.1.2; Arduino.h is arduino.h where file names have no case.)
HEADERS = frozenset(
    """
    arduino assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
    stdarg stdbool stddef stdint stdio stdlib string tgmath time uchar wchar wctype
    """.split()
)

# Names that C, CMake (reserved targets), Zephyr and ESP-IDF have given away.
TAKEN = frozenset("all app clean help install main package std test zephyr".split())

LONGEST = 63 - len("_output_zero_point")
"""A C99 compiler need not look at more than 63 characters of a name (5.2.4.1)."""


def c_identifier(text: str) -> str:
    """Return a lower-case identifier of C99 and C++17 for a model, such as its file name.

    "My Model-2.tflite" gives "my_model_2", "3d.tflite" "model_3d", "int.tflite" "model_int". The
    result has no leading, trailing or double underscore, at most ``LONGEST`` characters, and is no
    name of a standard header. Two texts may give the same identifier.
    """
    decomposed = unicodedata.normalize("NFKD", text.removesuffix(".tflite")).casefold()
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    name = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    if not name:
        return "model"
    if name[0].isdigit() or name in KEYWORDS | HEADERS | TAKEN:
        name = f"model_{name}"
    return name[:LONGEST].rstrip("_")
