"""What every room raises: what happened, where, and what to do about it."""

from __future__ import annotations


class DsbuildError(Exception):
    """An error a person can act on.

    `what` is one sentence; `where` is a place (file:line:column, an item, a URL without secrets); `fix` says what
    to do next. The command line prints the three without a traceback and ends with `exit_code`.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" {self.fix}" if self.fix else ""
        return f"{place}{self.what}{advice}"


class RecipeError(DsbuildError):
    """The command or the recipe is wrong."""

    exit_code = 2


class WaitingForPeople(DsbuildError):
    """The run can only go on when people have answered; `fix` holds the next command."""

    exit_code = 3


class GateFailed(DsbuildError):
    """The dataset exists but does not meet a condition its recipe sets, so it is not released."""

    exit_code = 4


class BudgetSpent(DsbuildError):
    """The next request might cost more than the recipe's budget has left; what was answered is kept."""

    exit_code = 5
