"""What the words of the report mean: shown when a reader points at a term, and in full at the end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """A term, one sentence to show beside it, and what else there is to say."""

    key: str
    term: str
    short: str
    more: str = ""


_ALL = (
    Definition(
        "n",
        "n",
        "How many items stand behind a figure.",
        "A figure over few items says little, however good it looks; the interval shows how little.",
    ),
    Definition(
        "interval",
        "Interval",
        "A range made so that it holds the true figure in about 95 of 100 datasets drawn and measured this way.",
        "Bias-corrected and accelerated bootstrap (BCa; Efron 1987) over items, with a fixed seed. It covers chance in "
        "which items were drawn, not mistakes in how they were chosen or asked about. Under about 50 items "
        "the interval of macro-F1 is too narrow: it then holds the true figure in some 80 of 100.",
    ),
    Definition(
        "alpha",
        "Krippendorff’s alpha",
        "Agreement beyond chance: 1 is perfect, 0 is what guessing would give, below 0 is worse than guessing.",
        "Krippendorff asks for 0.800 before conclusions are drawn and calls 0.667 the lowest that allows tentative "
        "ones; the dashed lines stand there. Every label is also judged by itself, as a yes or a no.",
    ),
    Definition(
        "distance",
        "Distance",
        "How different two answers count in alpha.",
        "nominal: equal or not. masi: for sets of labels (Passonneau 2006), 0 for equal sets, 1 for sets with nothing "
        "in common, in between the more they share. jaccard: for sets of words, the share of words that is not in "
        "both. interval: for numbers, the square of their difference; over several labels together, added up.",
    ),
    Definition(
        "crosswalk",
        "Crosswalk",
        "What the labels of one taxonomy become in another, found by where both stand in the ontology TONE.",
        "exact: at the same place. broader: the label says less than the one that was given. narrower: it says more, "
        "and is taken only where there is just one. several: the parts of a blend, or labels that share a place. none: "
        "no place; such an answer is rejected, or, where its other labels have one, loses this label.",
    ),
    Definition(
        "loss",
        "Information lost",
        "What is no longer known of the label that was given, once it is converted, in bits: one bit is a yes or a no.",
        "The conditional entropy of the given label when the converted one is known, H(A|B) = H(A) - H(B), over the "
        "labels of these very answers that became something (Cover and Thomas 2006, chapter 2). Of one label it is "
        "-log2 of its share among all that became the same.",
    ),
    Definition(
        "macro-f1",
        "Macro-F1",
        "The mean of the labels’ F1, every label counting the same, rare ones too.",
        "Over the labels that occur on either side. It is the figure to look at where labels are unevenly frequent.",
    ),
    Definition(
        "micro-f1",
        "Micro-F1",
        "F1 over all label decisions together; frequent labels dominate it.",
    ),
    Definition(
        "accuracy",
        "Accuracy",
        "The share of items whose set of labels is exactly the reference’s.",
        "“None of these” counts as an answer.",
    ),
    Definition(
        "precision",
        "Precision",
        "Of the times a label was given, the share that the reference gives too.",
        "0 where it was never given.",
    ),
    Definition(
        "recall",
        "Recall",
        "Of the times the reference gives a label, the share that was found.",
        "0 where the reference never gives it.",
    ),
    Definition(
        "f1",
        "F1",
        "The harmonic mean of precision and recall.",
        "2 tp / (2 tp + fp + fn), and 0 where the label occurs on neither side.",
    ),
    Definition(
        "support",
        "Support",
        "Items to which the reference gives the label.",
    ),
    Definition(
        "confusion",
        "Confusion matrix",
        "What was given (column) where the reference says something else (row).",
        "Every item counts 1. With several labels it is split evenly over the item’s pairs: each shared label with "
        "itself, each missed label with each extra one; what has no counterpart stands against “none of these”. "
        "The shade is the share of its row.",
    ),
    Definition(
        "tier",
        "Tier",
        "Who is behind a label: gold (people judged), silver (machines), mixed, or stated (the author’s own word).",
    ),
    Definition(
        "dead-letter",
        "Dead letter",
        "A question that got no usable answer after all retries; it is kept with its reason and is never a label.",
    ),
    Definition(
        "reject",
        "Reject",
        "A row that left the dataset, kept in rejects.parquet with its reason.",
    ),
    Definition(
        "tie",
        "Tie",
        "An item whose votes leave it undecided, as the method defines it.",
    ),
    Definition(
        "unlabelled",
        "Unlabelled",
        "Items that the method leaves without a label; never the same as “none of these”.",
    ),
    Definition(
        "leak",
        "Leak",
        "Items of two different splits that are too alike, so that a test would measure memory.",
        "exact: the same text, white space and Unicode form aside. near: not the same, but the sets of character "
        "5-grams have a Jaccard similarity of at least the threshold. group: the same dialogue, speaker, author or "
        "recording.",
    ),
    Definition(
        "brute-force",
        "Brute-force check",
        "A sample of the held-out items compared with every item of the other splits, to see what the search missed.",
        "The search for near duplicates is fast because it does not compare everything; this check does.",
    ),
    Definition(
        "conflict",
        "Conflict",
        "The same text, several times in the corpora, with labels that contradict each other.",
        "Counted before deduplication. People who judge the same item differently disagree; that is no conflict.",
    ),
    Definition(
        "memory",
        "Memory",
        "Whether a model has seen these items, or their labels, before, and gives them back instead of judging.",
        "Asked of a sample of the items: to go on from the first half, against what follows the same opening in other "
        "words and against other items’ halves; and to name the label from the item’s id alone, against other items’ "
        "labels, or from its first words, against the same words rewritten. Near is the longest run of words in common "
        "as a share of the truth, or 1 less the distance of the labels. p is from permutations.",
    ),
    Definition(
        "gate",
        "Gate",
        "A bound on a figure that the release has to keep; an undefined figure never keeps it.",
    ),
)

DEFINITIONS = {one.key: one for one in _ALL}
