"""What a run that its budget has stopped says: what was done, what is left, and how to go on."""

from __future__ import annotations

from dsbuild.engine.node import Context
from dsbuild.engine.progress import Watched
from schemas.errors import BudgetSpent


def stopped(spent: BudgetSpent, ctx: Context, name: str, rows: int, before: int, watched: Watched) -> BudgetSpent:
    """The error for `name`, an annotator with `rows` rows, `before` of them finished by earlier runs; `watched` saw
    the others."""
    done = before + watched.done
    left = rows - done
    what = (
        f'{spent.what} Annotator "{name}" has settled {done:,} of {rows:,} rows, a random sample of them, since items'
        f" run in a seeded order; {left:,} are left."
    )
    usd = float(watched.figures.get("usd", 0.0))
    more = ""
    if watched.done and usd:
        more = f"At the cost of these rows the others take about {usd / watched.done * left:,.2f} USD. "
    again = f"{ctx.command()} --set budget.usd=USD"  # last, since of two values the later one holds
    return BudgetSpent(
        what,
        fix=f"{more}Raise budget.usd in the recipe and run again, or: dsbuild run {again}; what was answered is kept"
        f" and not asked again. dsbuild plan {ctx.command()} forecasts the rest.",
    )
