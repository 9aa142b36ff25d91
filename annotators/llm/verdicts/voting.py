"""Self-consistency: several samples of one annotator become one annotation (Wang et al. 2022, arXiv 2203.11171,
section 2: sample, then take the most consistent answer).

What the samples come to is said in `annotators.llm.verdicts.consensus`. A row whose labels have scores is a soft label
to every audit: one voter, shared by its probabilities. How sure the vote is (`confidence`): the mean over the samples
of 1 - d(sample, vote), d being the task's own distance; for a choice that is the share of samples that gave just this
answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from annotators.llm.reading import Bad, Good
from annotators.llm.rows import Row
from annotators.llm.verdicts.consensus import voted
from schemas.answer import Answer

if TYPE_CHECKING:
    from schemas.task import Task

Found = list[tuple[Row, Good | Bad]]


def vote(found: Found, tasks: Sequence[Task], samples: int) -> tuple[Found, dict[str, Any]]:
    """`found`, all `samples` answers to each item, with the vote as sample 0 and the answers themselves, which stay
    annotations of their own, as samples 1 to n; and figures that add up over batches: `dead_samples`, `votes`, and
    `agreeing`, the sum of their confidences.

    A vote needs usable answers from more than half of the samples; without them it fails for the reason most of the
    others have, with the raw answer of one. Fewer dead samples are only counted, and stay out of the tables; what they
    said is in the store. By-products stay with the samples.
    """
    made: Found = []
    dead, sure = 0, []
    ordered = sorted(found, key=lambda pair: (pair[0].item_id, pair[0].sample))
    for _, group in groupby(ordered, key=lambda pair: pair[0].item_id):
        rows = list(group)
        verdicts = [verdict for _, verdict in rows]
        dead += sum(isinstance(verdict, Bad) or not verdict.complete for verdict in verdicts)
        result = _decided(verdicts, tasks, samples)
        if isinstance(result, Good):
            sure += [one for one in result.confidence if one is not None]
        made.append((replace(rows[0][0], sample=0), result))
        made += [
            (replace(row, sample=row.sample + 1), verdict)
            for row, verdict in rows
            if isinstance(verdict, Good) and verdict.complete
        ]
    figures = {"dead_samples": dead, "votes": len(sure), "agreeing": round(sum(sure), 6)}
    return made, figures


def _decided(verdicts: Sequence[Good | Bad], tasks: Sequence[Task], samples: int) -> Good | Bad:
    answers: list[Answer | Bad] = []
    sure: list[float | None] = []
    for place, task in enumerate(tasks):
        said = [verdict if isinstance(verdict, Bad) else verdict.answers[place] for verdict in verdicts]
        usable = [one for one in said if isinstance(one, Answer)]
        if 2 * len(usable) > samples:
            decided = voted(task, usable)
            answers.append(decided.soft)
            sure.append(decided.confidence)
        else:
            failed = [one for one in said if isinstance(one, Bad)]
            common = Counter(one.reason for one in failed).most_common(1)[0][0]
            last = [one for one in failed if one.reason == common][-1]
            detail = f"{len(usable)} of {samples} samples are usable, no majority; the last that is not: {last.detail}"
            answers.append(Bad(common, detail, last.raw))
            sure.append(None)
    bad = [one for one in answers if isinstance(one, Bad)]
    if len(bad) == len(answers):
        return bad[0]
    return Good(tuple(answers), {}, tuple(sure), complete=not bad)
