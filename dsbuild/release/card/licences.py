"""Licences by the identifiers that the Hub knows (its documentation, "Licenses")."""

from __future__ import annotations

import re
from typing import Any

from dsbuild.release.card.plain_text import one_line

_NAMES = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl
lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib
pddl lgpl-lr deepfloyd-if-license llama2 gemma unknown
"""
KNOWN = frozenset(_NAMES.split())
_ALIASES = {"cc0": "cc0-1.0", "cc-zero": "cc0-1.0", "odc-by-1.0": "odc-by", "odbl-1.0": "odbl", "pddl-1.0": "pddl"}
_URL = re.compile(r"https?://[^\s<>\"']+")


def hub_licence(licence: str) -> dict[str, Any]:
    """The card's licence fields for `licence`, an SPDX identifier, a name or a URL.

    A licence the Hub does not know is "other", with a name made of it, and its URL or its text beside.
    """
    text = one_line(licence)
    slug = re.sub(r"[^a-z0-9.+]+", "-", text.lower()).strip("-.")
    short = re.sub(r"-(only|or-later)$", "", _ALIASES.get(slug, slug))
    if short in KNOWN:
        return {"license": short}
    beside = {"license_link": text} if _URL.fullmatch(text) else {"license_details": text}
    return {"license": "other", "license_name": slug or "unnamed", **beside}
