"""The macros that choose between the forms of a step, and text that only some cores compile.

A core is the set of macros that are defined for it. What some cores need stands behind a condition
that holds on these, however many macros there are and however they go together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import product
from typing import TypeVar

Core = frozenset[str]
"""Macros that are defined."""

Cores = frozenset[Core]

Item = TypeVar("Item", bound=Hashable)

Form = TypeVar("Form")


def cores(macros: Iterable[str]) -> list[Core]:
    """Return all cores that the macros tell apart, the one without any last."""
    choices = product(*(({macro}, set[str]()) for macro in macros))
    return [frozenset[str]().union(*chosen) for chosen in choices]


def grouped(needs: Mapping[Core, Iterable[Item]]) -> dict[Cores, list[Item]]:
    """Return the items by the cores that need them, those of most cores first.

    An item uses only what is needed wherever it is needed itself, so nothing stands before what it
    uses.

    Args:
        needs: what each core needs, each behind what it uses. Items that are equal are the same.
    """
    users: dict[Item, set[Core]] = {}
    order = list(needs)
    for core in reversed(order):
        for item in needs[core]:
            users.setdefault(item, set()).add(core)
    groups: dict[Cores, list[Item]] = {}
    for item, where in users.items():
        groups.setdefault(frozenset(where), []).append(item)
    ranked = sorted(groups, key=lambda where: (-len(where), min(map(order.index, where))))
    return {where: groups[where] for where in ranked}


def conditional(
    parts: Iterable[tuple[Cores, str]], macros: Mapping[str, str], between: str = ""
) -> str:
    """Return texts, each behind a condition that holds on its cores alone.

    Texts that stand side by side and share no core are branches of one "#if".

    Args:
        parts: cores and text, whole lines; an empty text is left out.
        macros: each macro and its name in the text.
        between: what stands between texts and directives.
    """
    everywhere = frozenset(cores(macros))
    lines: list[str] = []
    behind: Cores = frozenset()
    for where, text in parts:
        if not text:
            continue
        if behind & where:
            lines.append("#endif\n")
            behind = frozenset()
        if where != everywhere:
            lines.append(_directive(where, behind, macros))
            behind |= where
        lines.append(text)
    return between.join([*lines, *(["#endif\n"] if behind else [])])


def branches(
    forms: Sequence[tuple[str, Form]], macros: Mapping[str, str], lines: Callable[[Form], list[str]]
) -> list[str]:
    """Return the lines of the form that a core runs: of the first whose macro is defined for it.

    Args:
        forms: macros and forms; the last has none, "".
        macros: each macro and its name in the text.
        lines: returns the lines of a form.
    """
    found = []
    for position, (macro, form) in enumerate(forms):
        if macro:
            name = macros[macro]
            found.append(f"#elif defined({name})" if position else f"#ifdef {name}")
        elif position:
            found.append("#else")
        found += lines(form)
    return [*found, *(["#endif"] if len(forms) > 1 else [])]


def _directive(where: Cores, behind: Cores, macros: Mapping[str, str]) -> str:
    """Return the line that begins the branch of some cores.

    Args:
        where: the cores.
        behind: those of the branches before it; none for an "#if".
        macros: as for ``conditional``.
    """
    if behind and len(where | behind) == 2 ** len(macros):
        return "#else\n"
    terms = _terms(where, behind, list(macros))
    if not behind and [len(term) for term in terms] == [1]:
        [(macro, is_defined)] = terms[0].items()
        return f"#{'ifdef' if is_defined else 'ifndef'} {macros[macro]}\n"
    texts = [
        " && ".join(f"{'' if term[macro] else '!'}defined({macros[macro]})" for macro in term)
        for term in terms
    ]
    if len(texts) > 1:
        texts = [f"({text})" if " && " in text else text for text in texts]
    return f"#{'elif' if behind else 'if'} {' || '.join(texts)}\n"


def _terms(where: Cores, behind: Cores, macros: list[str]) -> list[dict[str, bool]]:
    """Return which macros have to be defined (True) or not, in one way or another.

    One of the ways fits each of the cores ``where``, and none fits others, but for those
    ``behind``, which do not come this far.
    """
    ways = [
        {macro: state for macro, state in zip(macros, states, strict=True) if state is not None}
        for states in product((True, False, None), repeat=len(macros))
    ]
    terms, left = [], set(where)
    for way in sorted(ways, key=len):
        fitting = {
            core
            for core in cores(macros)
            if all((macro in core) == state for macro, state in way.items())
        }
        if fitting <= where | behind and fitting & left:
            terms.append(way)
            left -= fitting
    return terms
