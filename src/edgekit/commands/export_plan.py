"""``edgekit export --plan``: which RAM costs how many instructions."""

from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.errors import BackendError, EdgeRuntimeError, ModelError
from edgekit.columns import columns
from edgekit.commands import terminal
from edgekit.errors import ExportError
from edgekit.files import to_json

if TYPE_CHECKING:
    from edgekit.convert.c.rows.plans import RowPlan

FORMAT = "edgekit export --plan"
VERSION = 1

HEAD = ("RAM", "of it arena", "instructions", "steps that run row by row")


def show(path: Path, *, keep_input: bool, as_json: bool) -> int:
    """Print the plans of a model, the fastest first, each with less RAM than the one before.

    Args:
        path: the model.
        keep_input: whether a run leaves the inputs to the caller.
        as_json: whether to print JSON.

    Raises:
        ExportError: there is no C extension.
        ModelError: the file is damaged, or cannot be planned.
    """
    from edgekit.convert.c import library

    try:
        plans = library.plans(path.read_bytes(), keep_input=keep_input)
    except BackendError as error:  # of this machine, not of the file
        raise ExportError(str(error)) from None
    except EdgeRuntimeError as error:
        raise ModelError(f"{path}: {error}") from None
    if as_json:
        described = [_described(one) for one in plans]
        head = {"format": FORMAT, "version": VERSION, "file": str(path)}
        terminal.page(to_json({**head, "plans": described}))
    else:
        terminal.echo(f"{path}: --max-ram SIZE takes the first that fits, --min-ram the last")
        rows = [_row(one) for one in plans]
        terminal.page("\n".join(columns([HEAD, *rows], elastic=3, right=(0, 1, 2))))
    return 0


def _described(plan: "RowPlan") -> dict[str, object]:
    return {
        "arena": plan.plan.arena,
        "ram": plan.ram,
        "instructions": plan.cost,
        "fed_rows": plan.fed_rows,
        "chains": [[chain.first, chain.end - 1] for chain in plan.chains],
    }


def _row(plan: "RowPlan") -> tuple[str, ...]:
    chains = [
        f"{chain.first} to {chain.end - 1}" if len(chain.steps) > 1 else str(chain.first)
        for chain in plan.chains
    ]
    fed = "; input fed by rows" if plan.fed_rows else ""
    return (
        f"{plan.ram:,} B",
        f"{plan.plan.arena:,} B",
        f"+{plan.cost:,}",
        f"{', '.join(chains)}{fed}" if chains else "none",
    )
