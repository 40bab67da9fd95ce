"""Figures of two quantisers in one table."""

from typing import Any

from edgekit.convert.beside import compared, text


def report(quantizer: str, errors: list[tuple[str, str, float | None]], **others: Any) -> Any:
    return {
        "recipe": {"quantizer": quantizer},
        "bytes": {"tflite": 1234},
        "accuracy": None,
        "numbers": None,
        "tensor_errors": [
            {"op": op, "tensor": tensor, "snr_db": snr, "lost_db": 0.0, "exact": snr is None}
            for op, tensor, snr in errors
        ],
        **others,
    }


def test_layers_are_paired_by_kind_and_output() -> None:
    first = [("0 CONV_2D", "a", 40.0), ("1 ADD", "b", 30.0), ("2 ADD", "b", 20.0)]
    second = [
        ("0 CONV_2D", "a", 41.0),
        ("2 ADD", "b", 31.0),
        ("5 ADD", "b", None),
        ("6 ELU", "c", 9),
    ]
    figures = compared([report("tensorflow", first), report("litert", second)])
    assert figures["layers"] == [
        {"op": op, "tensor": tensor, "errors": errors}
        for op, tensor, errors in [
            ("CONV_2D", "a", [error(40.0), error(41.0)]),
            ("ADD", "b", [error(30.0), error(31.0)]),
            ("ADD", "b", [error(20.0), error(None)]),
            ("ELU", "c", [None, error(9)]),
        ]
    ]


def error(snr: float | None) -> dict[str, Any]:
    return {"snr_db": snr, "lost_db": 0.0, "exact": snr is None}


def test_the_table_leaves_out_what_neither_has() -> None:
    numbers = {"difference": {"rms": 0.0125}}
    reports = [
        report("tensorflow", [("0 CONV_2D", "a;b", 40.0)], numbers=numbers),
        report("litert", [], numbers=numbers),
    ]
    assert text(compared(reports), lambda one: f"{one['snr_db']} dB").splitlines() == [
        "quantiser  tensorflow  litert",
        "bytes           1,234   1,234",
        "rms            0.0125  0.0125",
        "CONV_2D a     40.0 dB       –",
    ]
