"""What the Hub checks in the YAML head of a dataset card: licence, language, size."""

from __future__ import annotations

import re

import yaml

_LICENCES = (
    "apache-2.0 mit openrail bigscience-openrail-m bsd bsd-2-clause bsd-3-clause cc cc0-1.0 cc-by-2.0 cc-by-2.5 "
    "cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 "
    "cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 "
    "cdla-permissive-1.0 cdla-permissive-2.0 wtfpl eupl-1.1 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 "
    "isc mpl-2.0 odc-by odbl pddl unlicense zlib unknown other"
)
_SIZES = "n<1K 1K<n<10K 10K<n<100K 100K<n<1M 1M<n<10M 10M<n<100M 100M<n<1B 1B<n<10B 10B<n<100B 100B<n<1T n>1T"
_TASKS = (
    "text-classification token-classification question-answering translation summarization feature-extraction "
    "text-generation fill-mask sentence-similarity text-to-speech automatic-speech-recognition audio-classification "
    "image-classification video-classification tabular-classification other"
)
LICENCES, SIZES, TASKS = (frozenset(names.split()) for names in (_LICENCES, _SIZES, _TASKS))


def check(card: str) -> tuple[list[str], list[str]]:
    """The errors and the warnings that the Hub has for `card` (the text of README.md)."""
    head = re.match(r"---\r?\n(.*?)\r?\n---(\r?\n|$)", card, re.DOTALL)
    if head is None:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        fields = yaml.safe_load(head[1])
    except yaml.YAMLError as error:
        return [f"YAML: {error}"], []
    if not isinstance(fields, dict):
        return ["YAML: the head is not a mapping"], []
    errors = []
    for licence in _listed(fields.get("license")):
        if licence not in LICENCES:
            errors.append(f'"license" must be one of the known licences, not "{licence}"')
        if licence == "other" and not (fields.get("license_name") and fields.get("license_link")):
            errors.append('"license: other" needs license_name and license_link')
    for language in _listed(fields.get("language")):
        # An unquoted `no` is a boolean in YAML 1.1: the Hub refuses it like any other non-language.
        if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}|code|multilingual", language):
            errors.append(f'"language" must be an ISO 639-1, -2 or -3 code, not "{language}"')
    for size in _listed(fields.get("size_categories")):
        if size not in SIZES:
            errors.append(f'"size_categories" has no "{size}"')
    warnings = [
        f'The task_categories "{task}" is not in the official list'
        for task in _listed(fields.get("task_categories"))
        if task not in TASKS
    ]
    return errors, warnings


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
