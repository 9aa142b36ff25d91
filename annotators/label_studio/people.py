"""Who is who: accounts of a Label Studio server and the people of a session."""

from __future__ import annotations

from collections.abc import Mapping

from annotators.label_studio.client import Account
from annotators.label_studio.human_store import HumanStore
from annotators.label_studio.session import SessionConfig
from schemas.errors import DsbuildError


class People:
    """Names the account behind an annotation: one of the session's people, else a pseudonym that the store keys.

    An account is the person whose name is its user name or its e-mail address before the @, whatever the case.
    """

    def __init__(self, session: SessionConfig, accounts: Mapping[int, Account], store: HumanStore) -> None:
        names = [*session.people, session.adjudicate.else_]
        self._names = {name.casefold(): name for name in names if name is not None}
        self._accounts = accounts
        self._store = store
        self._claims: dict[str, int] = {}

    def name(self, account: int | None) -> tuple[str, bool]:
        """The name of an account by its number, and whether it is one of the session's people.

        Raises:
            DsbuildError: two accounts that answered claim the same name.
        """
        found = None if account is None else self._accounts.get(account)
        if found is None:  # an account that was removed
            return self._store.pseudonym(f"account {account}"), False
        for login in (found.login, found.username):
            name = self._names.get(login.casefold())
            if name is not None:
                if self._claims.setdefault(name, found.id) != found.id:
                    raise DsbuildError(
                        f"Two accounts answered as {name}: numbers {self._claims[name]} and {found.id}.",
                        fix="Rename one of them in Label Studio and pull again.",
                    )
                return name, True
        return self._store.pseudonym(found.login), False


def renamed(session: SessionConfig, store: HumanStore) -> dict[str, str]:
    """Pseudonyms that stand for people of the session: of those who answered before they were named in it."""
    names = [*session.people, session.adjudicate.else_]
    return {store.pseudonym(name): name for name in names if name is not None}
