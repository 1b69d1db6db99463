"""Results as sentences and tables: Markdown, which Jupyter and the rendered book both show."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal

from aeutils.core.errors import AeutilsError

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Markdown

__all__ = ["result", "table"]


def result(text: str) -> Markdown:
    """Show a measured result as a sentence.

    Parameters
    ----------
    text : str
        Markdown; numbers come from an f-string, so that none is typed.

    Returns
    -------
    IPython.display.Markdown
        Shown where it is the last value of a cell.
    """
    from IPython.display import Markdown

    return Markdown(text)


def table(
    frame: pd.DataFrame,
    caption: str,
    digits: int = 3,
    best: Literal["highest", "lowest"] | None = None,
    spread: pd.DataFrame | None = None,
    show_spread: bool = True,
    only: Sequence[str] | None = None,
) -> Markdown:
    """Show a table with a caption, its best values in bold.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a method; the index names it, the columns name measures with their units.
    caption : str
        What is compared, how often it was repeated, and what the spread is.
    digits : int, default 3
        Decimal places of floating-point values.
    best : {"highest", "lowest"} or None, default None
        Which value of a column is the best.  Bold are the best and every value whose distance
        from it is at most the sum of both spreads, since such a lead may be chance.
    spread : pandas.DataFrame, optional
        Standard deviations, of the same index and columns.
    show_spread : bool, default True
        Whether to show the spread behind ±; where not, it still decides what is bold.
    only : sequence of str, optional
        The columns in which the best is marked; by default all numbers.

    Returns
    -------
    IPython.display.Markdown
        Shown where it is the last value of a cell.

    Raises
    ------
    AeutilsError
        If the table is empty, or `spread` has another index or other columns.
    """
    if frame.empty:
        raise AeutilsError("frame must have at least one row and one column; it is empty.")
    if spread is not None and not (
        spread.index.equals(frame.index) and spread.columns.equals(frame.columns)
    ):
        raise AeutilsError("spread must have the index and the columns of frame.")
    columns = [str(name) for name in frame.columns]
    rows = [[str(name)] for name in frame.index]
    for name in frame.columns:
        values = frame[name]
        is_number = values.dtype.kind in "fiu"
        leading = set()
        if best and is_number and (only is None or name in only):
            leading = _leaders(values, None if spread is None else spread[name], best)
        for i, value in enumerate(values):
            text = _cell(value, digits)
            if spread is not None and show_spread and is_number and value == value:
                text += f" ± {_cell(spread[name].iloc[i], digits)}"
            rows[i].append(f"**{text}**" if i in leading else text)
    head = [str(frame.index.name or ""), *columns]
    rule = ["---", *("---:" if frame[n].dtype.kind in "fiu" else "---" for n in frame.columns)]
    lines = [" | ".join(cells) for cells in (head, rule, *rows)]
    return result("\n".join(f"| {line} |" for line in lines) + f"\n\n*{caption}*")


def _leaders(values: pd.Series, spread: pd.Series | None, best: str) -> set[int]:
    """Return the rows that hold the best value, or one that chance may have put behind it."""
    sign = 1 if best == "highest" else -1
    scores = [sign * float(v) if v == v else float("-inf") for v in values]
    top = max(range(len(scores)), key=scores.__getitem__)
    around = [0.0] * len(scores) if spread is None else [float(s) for s in spread.fillna(0)]
    return {i for i, s in enumerate(scores) if scores[top] - s <= around[top] + around[i]}


def _cell(value: object, digits: int) -> str:
    """Return a value as text: no negative zero, a dash for what was not measured."""
    if value is None or value != value:
        return "–"
    if isinstance(value, Integral) and not isinstance(value, bool):
        return f"{int(value):,}".replace("-", "−")
    if isinstance(value, Real):
        return f"{round(float(value), digits) + 0.0:,.{digits}f}".replace("-", "−")
    return str(value).replace("|", "\\|")
