"""The int32 parameters of kernels in C: blocks of a network that are alike share an array."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from edgekit.convert.c import layout, text
from edgekit.convert.c.conditions import Core, conditional, grouped
from edgekit.convert.c.forms import Form, StepForms

Params = tuple[tuple[str, int], ...]
"""Names and values."""


def of_form(form: Form) -> Params:
    """Return the parameters of a form."""
    return tuple(form.params.items())


def shared(name: str, steps: Iterable[StepForms]) -> dict[Params, str]:
    """Return a name for each parameters that more than one form has.

    Args:
        name: name of the library.
        steps: the steps.
    """
    uses = Counter(of_form(form) for step in steps for _, form in step.forms)
    several = (params for params, count in uses.items() if count > 1)
    return {params: f"params_{index}_of_{name}" for index, params in enumerate(several)}


def arrays(
    names: Mapping[Params, str],
    forms: Mapping[Core, Sequence[Form]],
    macros: Mapping[str, str],
) -> str:
    """Return the arrays that forms share, each where a core needs it.

    Args:
        names: their names.
        forms: what each core runs.
        macros: each macro and its name in the text.
    """
    needs = {
        core: [params for params in dict.fromkeys(map(of_form, of_core)) if params in names]
        for core, of_core in forms.items()
    }
    parts = [
        (where, "".join(_array(names[params], params, "") for params in group))
        for where, group in grouped(needs).items()
    ]
    return conditional(parts, macros)


def local(name: str, params: Params, indent: str = "        ") -> list[str]:
    """Return the lines of an array that one form has, in its block."""
    return _array(name, params, indent).splitlines()


def _array(name: str, params: Params, indent: str) -> str:
    values = layout.filled((text.number(value, "int32") for _, value in params), "")
    names = ", ".join(one for one, _ in params)
    return f"{indent}/* {names} */\n{indent}static const int32_t {name}[] = {{{values}}};\n"
