"""How many bytes of firmware each function takes, those that the compiler inlined apart.

Source of the encoding: DWARF Debugging Information Format, version 4, 2.17 and 3.3.8.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

INLINED = "_ek_"
"""Part of the names of kernels, which have a row of their own where what calls them has not."""


def functions(elf: Any, sizes: Mapping[int, tuple[str, int]]) -> dict[str, int]:
    """Return the bytes of each function by name, the largest first.

    A kernel that is inlined into a function that is none is "kernel in function", and its bytes are
    not that function's.

    Args:
        elf: the linked file, with debugging information, a pyelftools' ``ELFFile``.
        sizes: name and bytes of each function by its address, in the linked file.
    """
    found = Counter(dict(sizes.values()))
    information = elf.get_dwarf_info()
    for unit in information.iter_CUs():
        for entry in unit.get_top_DIE().iter_children():
            if entry.tag != "DW_TAG_subprogram":
                continue
            start = min((low for low, _ in _ranges(entry, information)), default=None)
            # What the linker has removed lies at an address that is another's or nobody's.
            name, _ = sizes.get(start, ("", 0)) if start is not None else ("", 0)
            if not name or INLINED in name or _name(entry) != name:
                continue
            for kernel in _kernels(entry):
                size = sum(high - low for low, high in _ranges(kernel, information))
                found[f"{_name(kernel)} in {name}"] += size
                found[name] -= size
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _kernels(entry: Any) -> Iterator[Any]:
    """Yield the kernels that are inlined into a function, and not those inlined into these."""
    for child in entry.iter_children():
        if child.tag == "DW_TAG_inlined_subroutine" and INLINED in _name(child):
            yield child
        elif child.tag in ("DW_TAG_inlined_subroutine", "DW_TAG_lexical_block"):
            yield from _kernels(child)


def _name(entry: Any) -> str:
    attributes = entry.attributes
    if "DW_AT_name" in attributes:
        return str(attributes["DW_AT_name"].value.decode())
    for origin in ("DW_AT_abstract_origin", "DW_AT_specification"):
        if origin in attributes:
            return _name(entry.get_DIE_from_attribute(origin))
    return ""


def _ranges(entry: Any, information: Any) -> list[tuple[int, int]]:
    """Return the addresses of a function's code, and those behind it."""
    attributes = entry.attributes
    if "DW_AT_ranges" in attributes:
        lists, unit = information.range_lists(), entry.cu
        top = unit.get_top_DIE().attributes
        base = top["DW_AT_low_pc"].value if "DW_AT_low_pc" in top else 0
        ranges = []
        for one in lists.get_range_list_at_offset(attributes["DW_AT_ranges"].value, cu=unit):
            if hasattr(one, "base_address"):
                base = one.base_address
            else:
                start = 0 if one.is_absolute else base
                ranges.append((start + one.begin_offset, start + one.end_offset))
        return ranges
    if "DW_AT_low_pc" not in attributes or "DW_AT_high_pc" not in attributes:
        return []
    low, high = attributes["DW_AT_low_pc"].value, attributes["DW_AT_high_pc"]
    return [(low, high.value if high.form == "DW_FORM_addr" else low + high.value)]
