"""Several items in one prompt: how they are packed, asked about, read apart again, and what that changes.

Items are packed in the order they come in, before anything is looked up, so a resumed run packs the same, and an item
whose text changes changes its own pack only. Inside a pack their order is shuffled by a seed that is the pack itself.
In the prompt they have numbers from 1, and an answer has one object under each number. A number that is missing, or
stands there twice, sends its item to a prompt of its own; one that nobody gave sends all of them, because then nobody
knows what the others mean. So does an answer that cannot be used. A label never goes to another item than the number
it stood under.

Some items are also asked one by one, twice, to see what packing changes: see `annotators.llm.packing.compared`.
"""

from annotators.llm.packing.annotator import PackAnnotator
from annotators.llm.packing.compared import Comparison
from annotators.llm.packing.pack import joint, packs
from annotators.llm.packing.questions import PackQuestions

__all__ = ["Comparison", "PackAnnotator", "PackQuestions", "joint", "packs"]
