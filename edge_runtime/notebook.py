"""A model as a table, which notebooks show."""

from __future__ import annotations

from html import escape

from edge_runtime.errors import MetadataError
from edge_runtime.runner import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def table(model: Any, name: str) -> str:
    """Describe a Model of a file called ``name`` as HTML."""
    rows = {"file": name, "backend": model.backend}
    for what, named in ("input", model.inputs), ("output", model.outputs):
        for port, tensor in named.items():
            row = f"{what} {port}" if len(named) > 1 else what
            rows[row] = describe(tensor)
            if tensor.scale is not None:
                rows[row] += f", scale {tensor.scale:g}, zero point {tensor.zero_point}"
    try:
        rows["meaning"], rows["task"] = model.meaning, model.task
        if model.metadata is not None:
            rows["labels"] = ", ".join(model.metadata.labels)
            rows["framing"] = model.metadata.framing
    except MetadataError as error:
        rows["metadata"] = str(error)
    cells = "".join(
        f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows.items() if v
    )
    return f"<table>{cells}</table>"
