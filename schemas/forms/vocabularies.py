"""The words that columns may hold: closed vocabularies, and two open ones with the words that are usual."""

from __future__ import annotations

from schemas.forms.column import Vocabulary, Word


def _words(name: str, about: str, closed: bool = True, **entries: str) -> Vocabulary:
    return Vocabulary(name, about, tuple(Word(word, meaning) for word, meaning in entries.items()), closed)


MODALITIES = _words(
    "modality",
    "What kind of thing was judged.",
    text="a text that stands alone",
    dialogue="an utterance in its dialogue: `text`, with the turns before it in `context`",
    audio="speech or sound, in `media`",
    image="a still image, in `media`",
    video="moving images, with or without sound, in `media`",
    music="music, in `media`; lyrics, where there are any, in `text`",
    physiology="signals of a body (EEG, ECG, skin conductance), in `media`, with the stimulus beside them",
)

PERSPECTIVES = _words(
    "perspective",
    "Whose emotion the answer is about.",
    writer="what the writer of the text felt",
    reader="what a reader takes out of the text",
    speaker="what the speaker felt, or is taken to feel",
    observer="what an onlooker sees in a face, a voice, a scene",
    evoked="what the stimulus made the person feel who met it",
    intended="what was to be expressed: acted, or written to express it",
)

ANNOTATOR_KINDS = _words(
    "annotator_kind",
    "What kind of judge gave the answer.",
    human="a person who judged someone else's text, face, voice",
    llm="a large language model",
    model="another model: a classifier, an embedding",
    lexicon="a word list",
    author="the person whose emotion it is: a self-report, or the actor's instruction",
)

ROUNDS = _words(
    "round",
    "Which time the annotator was asked.",
    first="asked for the first time",
    repeat="the same item shown again to the same annotator, to see how steady the answer is",
    adjudication="a decision after others disagreed",
)

SHOWN = _words(
    "shown",
    "What of the item the annotator saw or heard.",
    text="the text alone",
    audio="the sound alone",
    video="the moving image without its sound",
    image="the still image alone",
    all="everything the item has",
)

MAPPINGS = _words(
    "mapping",
    "How a label was converted from another taxonomy.",
    exact="the two labels have the same place in TONE",
    broader="the nearest label above in TONE: detail of the given one is lost",
    narrower="the label below in TONE: it says more than the given one did",
    several="one of several labels that stand where one was given",
)

TIERS = _words(
    "tier",
    "Whose judgement a label rests on.",
    gold="people judged",
    silver="machines judged",
    mixed="people and machines",
    stated="the author's or the actor's own word",
)

IDENTITIES = _words(
    "identity",
    "What stands behind one name.",
    person="one person",
    slot="a place in the file, as in `reader 2 of 3`: another person in each row perhaps",
    pool="a group whose members are not told apart",
)

ROLES = _words(
    "role",
    "What the person did.",
    annotator="judged items",
    speaker="is heard or seen in items",
    author="wrote items",
    subject="is the one whose body was measured or whose feeling was asked for",
)

MEDIA_ROLES = _words(
    "media role",
    "What the file is to the item.",
    audio="its sound",
    video="its moving image",
    image="its still image, or a page of it",
    transcript="its words, with times",
    eeg="electroencephalogram: electrical activity of the brain",
    ecg="electrocardiogram: electrical activity of the heart",
    emg="electromyogram: electrical activity of muscles",
    eog="electrooculogram: movements of the eyes",
    eda="electrodermal activity: conductance of the skin",
    ppg="photoplethysmogram: the pulse seen through the skin",
    respiration="breathing",
    temperature="temperature of the skin",
    motion="acceleration and rotation of the body",
    gaze="where the eyes look",
    signal="another signal, or several in one file",
    stimulus="what evoked the emotion: the film clip, the picture, the song",
    recording="the whole recording that the item was cut from",
    features="numbers computed from another file of the item",
)

GROUP_KINDS = _words(
    "group kind",
    "What the items of a group share. A corpus may have kinds of its own.",
    closed=False,
    dialogue="turns of one conversation",
    speaker="one speaker",
    subject="one person measured",
    author="one writer",
    recording="cut from one source recording",
)

VOCABULARIES: tuple[Vocabulary, ...] = (
    MODALITIES,
    PERSPECTIVES,
    ANNOTATOR_KINDS,
    ROUNDS,
    SHOWN,
    MAPPINGS,
    TIERS,
    IDENTITIES,
    ROLES,
    MEDIA_ROLES,
    GROUP_KINDS,
)
