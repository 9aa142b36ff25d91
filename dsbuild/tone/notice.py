"""The notice that goes with TONE's data files: what each is made from and under which terms."""

from __future__ import annotations

_TEXT = """\
TONE's data files: what they are made from, and under which terms
=================================================================

The files of this folder are a reconstruction of TONE (arXiv 2401.06810), made by `dsbuild tone build`. TONE's own file
is not public; nothing here is copied from it. docs/tone-build.md of dsbuild says how each was made.

definitions.tsv, vocabulary.tsv, contested.tsv, statements.tsv (the rows whose source begins with wordnet-3.0), and
sources/wordnet-3.0/ are made from WordNet 3.0 and hold parts of it. Its licence is at the end of this file. They were
changed: senses were chosen, examples cut off, words put into lower case, and lines left out. The files of
sources/wordnet-3.0/ hold unchanged lines of the files of the same names.

norms.tsv and sources/vader/vader_lexicon.txt (unchanged lines of it) are made from the lexicon of VADER: C.J. Hutto and
E.E. Gilbert (2014), VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text. Its licence,
MIT, is below.

norms-emobank.tsv is made from EmoBank (S. Buechel and U. Hahn 2017, JULIELab/EmoBank): means over its sentences for
each word, and values interpolated from them. EmoBank is under CC BY-SA 4.0 (creativecommons.org/licenses/by-sa/4.0),
and so is this file, and no other file of dsbuild.

The opposites and dyads of Plutchik's wheel, the words of Parrott's tree, and the counts on dialogues (CPED,
DailyDialog, PELD) are facts that were taken from or counted on the works named in each row; no text of them is here.

VADER's licence
---------------

The MIT License (MIT)

Copyright (c) 2016 C.J. Hutto

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.

WordNet's licence
-----------------

"""


def notice(wordnet: str) -> str:
    """The notice, with WordNet's licence as its files have it."""
    return _TEXT + wordnet
