"""What a memory probe would ask and cost, before it is put to the model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from annotators.llm.probe.asking import CONTINUATION, REWRITING, family_for, label_form, request, system_of, words_of
from annotators.llm.probe.pieces import pieces
from annotators.llm.questions import Questions
from annotators.llm.responses.store import stored_keys
from annotators.llm.spending.cost import BYTES_A_TOKEN, LIKELY_ANSWER_TOKENS, cost_of
from annotators.llm.strategies.quote import quoted

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from annotators.llm.config import LLMConfig
    from annotators.llm.request import Request
    from schemas.task import Task


def plan(
    config: LLMConfig,
    tasks: Sequence[Task],
    batches: Iterable[pl.DataFrame],
    labelled: Mapping[str, Collection[str]],
    store_path: Path,
) -> dict[str, Any]:
    """What the probe of `config` over the items in `batches` (ITEMS, in the seeded order) would take; `labelled` names
    by task the items that came with people's answers.

    Returns:
        items, calls, cached, usd, likely_usd, price_known and note, as `annotators.llm.spending.cost.estimate`. What is
        asked about the model's own rewritings is known once it has written them, so it counts as not answered, and as
        long as an answer can be.
    """
    assert config.probe is not None  # whoever calls has looked
    found = pieces(batches, config.probe.memory)
    of = Questions.groups(config, tasks)[0].family
    going_on, rewrite = family_for(of, CONTINUATION), family_for(of, REWRITING)
    onward, other = system_of("continue", words=words_of(found)), system_of("rewrite")
    known: list[Request] = []
    for piece in found:
        shown = quoted(piece.opening)
        known += [request(going_on, onward, shown), request(rewrite, other, shown)]
    # (family, system) of each request about a rewriting
    later = [(going_on, onward)] * len(found)
    asked = next((task for task in tasks if labelled.get(task.name)), None)
    if asked is not None:
        usable = [piece for piece in found if piece.item_id in labelled[asked.name]]
        system, schema = label_form(asked)
        label = family_for(of, schema)
        for piece in usable:
            known.append(request(label, system, quoted({"corpus": piece.corpus, "first words": piece.first})))
            if piece.key is not None:
                known.append(request(label, system, quoted({"corpus": piece.corpus, "id": piece.key})))
        later += [(label, system)] * len(usable)
    distinct = {one.key: one for one in known}
    stored = stored_keys(store_path, list(distinct))
    left = [one for key, one in distinct.items() if key not in stored]
    sizes = [one.size() for one in left]
    sizes += [request(family, system, "").size() + family.answer_tokens for family, system in later]
    answers = [one.family.answer_tokens for one in left] + [family.answer_tokens for family, _ in later]
    cost = cost_of(config.model_copy(update={"batch": False}))
    return {
        "items": len(found),
        "calls": len(distinct) + len(later),
        "cached": len(stored),
        "usd": round(cost.usd(sum(sizes), sum(answers)), 6),
        "likely_usd": round(cost.usd(sum(sizes) / BYTES_A_TOKEN, len(answers) * LIKELY_ANSWER_TOKENS), 6),
        "price_known": cost.known,
        "note": cost.note,
    }
