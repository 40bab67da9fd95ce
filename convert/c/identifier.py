"""From names of models, inputs and outputs to C identifiers."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain, count

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

# A library "string" would come with a string.h that hides the standard one. (ISO/IEC
# 9899:1999, 7.1.2; Arduino.h is arduino.h where file names have no case.)
HEADERS = frozenset(
    """
    arduino assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
    stdarg stdbool stddef stdint stdio stdlib string tgmath time uchar wchar wctype
    """.split()
)

# Names that C, CMake (reserved targets), Zephyr and ESP-IDF reserve.
TAKEN = frozenset("all app clean help install main package std test zephyr".split())

# What a parameter of the run functions cannot be called: what their text declares, keywords of GNU
# C and C23, and macros that compilers or <stdio.h> define on some machines.
DECLARED = frozenset(
    """
    arena count far i386 line linux low memory mips near next order own params row rows sparc stderr
    stdin stdout stream sun tensors typeof typeof_unqual unix vax
    """.split()
)

SIGNIFICANT = 63
"""Characters of a name that a C99 compiler looks at; it may ignore those that follow (5.2.4.1)."""

LONGEST = SIGNIFICANT - len("_output_zero_point")

SHORTEST = 8
"""Characters that an input or output has in any case, however long the model's name is."""


def c_identifier(text: str) -> str:
    """Return a lower-case identifier of C99 and C++17 for a model, such as its file name.

    "My Model-2.tflite" gives "my_model_2", "3d.tflite" "model_3d", "int.tflite" "model_int". The
    result has no leading, trailing or double underscore, at most ``LONGEST`` characters, and is no
    name of a standard header. Two texts may give the same identifier.
    """
    name = _letters(text.removesuffix(".tflite")) or "model"
    if _is_reserved(name):
        name = f"model_{name}"
    return name[:LONGEST].rstrip("_")


def port_identifiers(
    model: str, inputs: Sequence[str], outputs: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return lower-case identifiers for the inputs and the outputs of a model, all different.

    The only input is "input" and the only output "output". Others have the names of the file:
    "Left image:0" gives "left_image_0", "int" as an input "input_int", a second "a" "a_2".

    Args:
        model: the model's identifier.
        inputs: names of the inputs in the file.
        outputs: names of the outputs in the file.
    """
    sides = {"input": inputs, "output": outputs}
    named = {role: [role] for role, names in sides.items() if len(names) == 1}
    used = set(named)
    for role, names in sides.items():
        if role not in named:
            named[role] = []
            for name in names:
                named[role].append(_unused(name, role, model, used))
                used.add(named[role][-1])
    return named["input"], named["output"]


def _unused(text: str, role: str, model: str, used: set[str]) -> str:
    """Return an identifier for an input or output that nothing in the library is called."""
    longest = max(SHORTEST, SIGNIFICANT - len(f"{model}_quantize_float__2"))
    name = _letters(text)[:longest].rstrip("_") or role
    if _is_taken(name, model):
        name = f"{role}_{name}"[:longest].rstrip("_")
    # The last ones clash with nothing in a library: they have no "_".
    candidates = chain(
        [name],
        (f"{name}_{number}" for number in range(2, len(used) + 3)),
        (f"{role}{number}" for number in count(1)),
    )
    return next(one for one in candidates if one not in used and not _is_taken(one, model))


def _is_taken(name: str, model: str) -> bool:
    """Tell whether an identifier is, or may be, another thing's in the library of a model."""
    return (
        _is_reserved(name)
        or name in DECLARED
        or name.startswith((f"{model}_", "ek_"))
        or name.endswith(("_t", f"_of_{model}"))
    )


def _is_reserved(name: str) -> bool:
    return name[0].isdigit() or name in KEYWORDS | HEADERS | TAKEN


def _letters(text: str) -> str:
    """Return the letters a to z and the digits of a text, with "_" for what is between them."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
