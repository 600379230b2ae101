"""What formulas of the demo's sheet must show, computed with decimals and plain loops: no formula is read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from demo.expected import Expected, canonical

VAT = Decimal("1.19")
NONE = "-"  # what the gross value of no value is


def computed_cells(cells: Mapping[str, Expected]) -> dict[str, Expected]:
    """The formula column of a row, and the column that reads what it shows."""
    value = cells["Value"].content
    gross = NONE if value is None else canonical(Decimal(value) * VAT)
    return {"Gross": Expected(gross), "Invoice": Expected(gross if gross == NONE else f"EUR {gross}")}


def figures(rows: Sequence[Mapping[str, Expected]]) -> list[str]:
    """What the formulas of the column Figures show, from the first row down."""
    values = [Decimal(text) for row in rows if (text := row["Value"].content) is not None]
    gross = sum((value * VAT for value in values), Decimal(0))
    germans = sum(1 for row in rows if (row["Telephone"].content or "").startswith("+49"))
    return [
        canonical(sum(values, Decimal(0))),
        str(len(values)),
        canonical(max(values)) if values else "0",
        canonical(round(gross, 2)),
        str(germans),
    ]
