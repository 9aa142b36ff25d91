"""A release on a Hub: `push` writes it there in one commit and one tag.

`push.py` decides what is sent, `contents.py` compares a release with a repository, `connection.py` talks to the Hub.
"""

from dsbuild.hub.connection import Patience
from dsbuild.hub.push import PushResult, push

__all__ = ["Patience", "PushResult", "push"]
