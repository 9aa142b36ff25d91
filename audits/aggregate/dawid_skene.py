"""Dawid and Skene: annotators have error rates, estimated together with the answers.

Dawid and Skene (1979), "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied
Statistics 28(1). Annotator r gives class k to an item of class j n_irk times; T_ij is the probability that item i is of
class j. From T = shares of the votes, in turn:

    M:  pi_rjk proportional to sum_i T_ij n_irk + smoothing (eq. 2.3),   p_j = mean_i T_ij (eq. 2.4)
    E:  T_ij proportional to p_j prod_rk pi_rjk^n_irk (eq. 2.5)

The log likelihood is sum_i log sum_j p_j prod_rk pi_rjk^n_irk. EM finds a local maximum: another start can end higher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from audits.aggregate.ballot import SAME, Ballot, Outcome, without_company
from audits.aggregate.rule import VoteRule
from audits.arrays import Codes, Flags, Floats, in_rows
from audits.figures import figure


@dataclass(frozen=True)
class Fit:
    """The estimates for I items, R annotators and K classes."""

    posterior: Floats
    """(I, K)"""
    prior: Floats
    """(K,) the shares of the classes."""
    errors: Floats
    """(R, K, K) probability that the annotator says the last axis when the truth is the middle one."""
    log_likelihood: float
    rounds: int
    converged: bool


def fit(
    item: Codes,
    annotator: Codes,
    said: Codes,
    classes: int,
    *,
    smoothing: float = 0.0,
    max_rounds: int = 1000,
    tolerance: float = 1e-7,
) -> Fit:
    """Estimate by EM from vote shares; N votes, every item and annotator number from 0 up occurs.

    Converged when no posterior moves by more than `tolerance` in a round; stops there or after `max_rounds`.
    `smoothing` is added to every count of the error rates.
    """
    order = np.argsort(item, kind="stable")
    item, annotator, said = item[order], annotator[order], said[order]
    items, annotators = int(item[-1]) + 1, int(annotator.max()) + 1
    by_item = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    # cell: (N,) what was said by whom, as a row of the (R K, K) table of log error rates
    cell = annotator * classes + said
    by_cell = np.argsort(cell, kind="stable")
    cells, first = np.unique(cell[by_cell], return_index=True)
    item_by_cell = item[by_cell]

    posterior = np.zeros((items, classes))
    np.add.at(posterior, (item, said), 1.0)
    posterior /= posterior.sum(axis=1, keepdims=True)
    likelihood, converged, rounds = -np.inf, False, 0
    while not converged and rounds < max_rounds:
        # M step; counts: (R K, K) expected times that a row's cell was said when the truth is the column
        counts = np.full((annotators * classes, classes), smoothing)
        counts[cells] += np.add.reduceat(posterior[item_by_cell], first, axis=0)
        said_when = counts.reshape(annotators, classes, classes)
        total = said_when.sum(axis=1, keepdims=True)
        rates = np.divide(said_when, total, out=np.zeros_like(said_when), where=total > 0)
        prior = posterior.mean(axis=0)
        # E step, in logarithms: a product of many small rates would underflow
        with np.errstate(divide="ignore"):
            log_rates, log_prior = np.log(rates).reshape(-1, classes), np.log(prior)
        joint = log_prior + np.add.reduceat(log_rates[cell], by_item, axis=0)
        highest = joint.max(axis=1, keepdims=True)
        scaled = np.exp(joint - highest)
        mass = scaled.sum(axis=1, keepdims=True)
        likelihood = float((highest + np.log(mass)).sum())
        moved = scaled / mass
        converged = bool(np.abs(moved - posterior).max() <= tolerance)
        posterior = moved
        rounds += 1
    return Fit(posterior, prior, rates.transpose(0, 2, 1), likelihood, rounds, converged)


class DawidSkene(VoteRule):
    """The most probable answer under Dawid and Skene's model.

    Choice: the class with the highest posterior, "none of these" being a class where it occurs; equal posteriors are a
    tie and no label. Multi: the model for each label by itself, yes or no, from those who were asked it, and for "none
    of these" likewise; labels with a posterior over 1/2. An item where none passes has no label.
    """

    rule: Literal["dawid_skene"] = "dawid_skene"
    smoothing: float = Field(default=0.0, ge=0)
    max_rounds: int = Field(default=1000, ge=1)
    tolerance: float = Field(default=1e-7, ge=0)

    def decide(self, ballot: Ballot) -> Outcome:
        """See the class."""
        return self._choice(ballot) if ballot.part.kind == "choice" else self._multi(ballot)

    def _fit(self, item: Codes, annotator: Codes, said: Codes, classes: int) -> Fit:
        return fit(
            np.unique(item, return_inverse=True)[1],
            np.unique(annotator, return_inverse=True)[1],
            said,
            classes,
            smoothing=self.smoothing,
            max_rounds=self.max_rounds,
            tolerance=self.tolerance,
        )

    def _choice(self, ballot: Ballot) -> Outcome:
        labels = len(ballot.part.label_ids)
        member = ballot.answers.member
        # The last class is "none of these".
        of_answer = np.where(member.any(axis=1), member.argmax(axis=1), labels)
        present, said = np.unique(of_answer[ballot.answers.answer], return_inverse=True)
        posterior = np.zeros((len(ballot.items), labels + 1))
        fits = []
        if len(said):
            fits.append(self._fit(ballot.item, ballot.answers.annotator, said, len(present)))
            posterior[np.ix_(np.unique(ballot.item), present)] = fits[0].posterior
        most = posterior.max(axis=1, keepdims=True)
        top = (posterior >= most - SAME) & (most > 0)
        ties = top.sum(axis=1) > 1
        top &= ~ties[:, None]
        return self._outcome(top[:, :-1], top[:, -1], posterior[:, :-1], ties, fits)

    def _multi(self, ballot: Ballot) -> Outcome:
        answers, labels = ballot.answers, len(ballot.part.label_ids)
        said = np.concatenate([answers.member, ~answers.member.any(axis=1, keepdims=True)], axis=1)
        asked = np.concatenate([answers.asked, np.ones((len(said), 1), dtype=np.bool_)], axis=1)
        posterior = np.zeros((len(ballot.items), labels + 1))
        fits = []
        for column in range(labels + 1):
            votes = asked[answers.answer, column]
            given = said[answers.answer[votes], column]
            if not given.any():
                continue
            fits.append(self._fit(ballot.item[votes], answers.annotator[votes], given.astype(np.int64), 2))
            posterior[np.unique(ballot.item[votes]), column] = fits[-1].posterior[:, 1]
        passed = posterior > 0.5 + SAME
        chosen = without_company(passed[:, :-1], ballot.part)
        ties = in_rows(np.abs(posterior - 0.5) <= SAME)
        return self._outcome(chosen, passed[:, -1] & ~chosen.any(axis=1), posterior[:, :-1], ties, fits)

    def _outcome(self, chosen: Flags, none: Flags, posterior: Floats, ties: Flags, fits: list[Fit]) -> Outcome:
        """With how the EM runs went: the longest, whether all converged, the log likelihood of all."""
        converged = all(one.converged for one in fits)
        report = {
            "rounds": max((one.rounds for one in fits), default=0),
            "converged": converged,
            "log_likelihood": figure(sum(one.log_likelihood for one in fits)),
        }
        note = f"Dawid-Skene had not converged after {self.max_rounds:,} rounds; raise max_rounds."
        return Outcome(chosen, none, posterior, ties, report, () if converged else (note,))
