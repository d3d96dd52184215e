"""Redact secrets in data that is stored or logged.

A secret is recognised by the name of its key, by its form, or because it is known. These are pure functions on plain
data: configs, parameters, names of sources, and error messages of models and libraries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

MARK = "***"
"""Replaces a secret."""

_SECRET_WORDS = {
    *("password", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "tokens", "credential", "credentials"),
    *("key", "keys", "apikey", "accesskey", "accountkey", "secretkey", "authorization", "sas", "dsn"),
}
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
_MIN_LENGTH = 4
"""Length below which a known secret is not searched for in texts, where it would match ordinary words, too."""
_LONG_PART = 8
"""Length from which the part of a secret before its first slash counts as a secret, too."""
_MAX_PASSES = 10
"""Limit on how often a text is searched again after something was redacted."""

_NAMED = (
    r"[\w.-]*(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|credential)s?"
)
_FORMS = (
    re.compile(r"()\b((?:dapi|dkea|dose)[0-9a-zA-Z]{16,}(?:-\d+)?)"),
    re.compile(r"(\bbearer\s+)([\w.~+/=-]{6,})", re.IGNORECASE),
    re.compile(r"(\bauthorization[\"']?\s*[:=]\s*[\"']?(?:basic\s+)?)([^\s\"',]+)", re.IGNORECASE),
    re.compile(r"(\w://[^\s/:@?#\"']*:)([^\s/?#\"']+)(?=@)"),
    re.compile(r"(\bhttps?://)([^\s/:@?#\"']+)(?=@)", re.IGNORECASE),
    re.compile(r"()\b((?:AKIA|ASIA)[A-Z0-9]{16})\b"),
    re.compile(r"(\b(?:sig|signature|x-amz-signature)=)([^\s&;\"']+)", re.IGNORECASE),
    re.compile(rf"(\b{_NAMED}[\"']?\s*[=:]\s*\")([^\"]+)(?=\")", re.IGNORECASE),
    re.compile(rf"(\b{_NAMED}[\"']?\s*[=:]\s*')([^']+)(?=')", re.IGNORECASE),
    re.compile(rf"(\b{_NAMED}[\"']?\s*[=:]\s*)([^\s\"'&;,(){{}}\[\]]+)", re.IGNORECASE),
)
"""Forms of secrets: group 1 is the text before the secret, which stays, and group 2 the secret."""


def redact_text(text: str, known: Collection[str] = ()) -> str:
    """Return a text with everything that looks like a secret, and every known secret, replaced by `MARK`.

    Example:
        >>> redact_text("jdbc:postgresql://me:hunter2@host/db?sslmode=require")
        'jdbc:postgresql://me:***@host/db?sslmode=require'
        >>> redact_text("it said hunter2", known=["hunter2"])
        'it said ***'
    """
    values = sorted((value for value in known if len(value) >= _MIN_LENGTH), key=lambda value: (-len(value), value))
    for _ in range(_MAX_PASSES):  # the text that one form leaves can match another form
        before = text
        for value in values:
            text = text.replace(value, MARK)
        for form in _FORMS:
            text = form.sub(lambda match: f"{match.group(1)}{MARK}", text)
        if text == before:
            break
    return text


def redact(value: Any, known: Collection[str] = ()) -> Any:
    """Return plain data without its secrets: as in `redact_text`, and whole values under the key of a secret.

    Example:
        >>> redact({"sort": "AUC", "reader": {"apiKey": "abc", "url": "https://u:p@host"}})
        {'sort': 'AUC', 'reader': {'apiKey': '***', 'url': 'https://u:***@host'}}
    """
    if isinstance(value, str):
        return redact_text(value, known)
    if isinstance(value, Mapping):
        return {name: MARK if _is_secret(name, part) else redact(part, known) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [redact(part, known) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    return value


def secrets_in(value: Any) -> frozenset[str]:
    """Return the secrets that `redact` would replace in plain data, to search for them elsewhere.

    Example:
        >>> sorted(secrets_in({"password": "hunter2", "source": "https://u:swordfish@host", "HOME": "/root"}))
        ['hunter2', 'swordfish']
    """
    return frozenset(secret for secret in _secrets(value) if len(secret) >= _MIN_LENGTH and secret != MARK)


def is_redacted(value: Any) -> bool:
    """Whether a secret was replaced in plain data.

    Example:
        >>> is_redacted({"setup": {"a": ["https://u:***@host"]}}), is_redacted({"n_select": 3})
        (True, False)
    """
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return any(is_redacted(part) for part in value)
    return isinstance(value, str) and MARK in value


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        for form in _FORMS:
            for match in form.finditer(value):
                secret = match.group(2)
                yield secret
                if len(first := secret.partition("/")[0]) >= _LONG_PART:
                    yield first  # the secret may end there, and the rest be a path
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaf_texts(part) if _is_secret(name, part) else _secrets(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _secrets(part)


def _leaf_texts(value: Any) -> Iterator[str]:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else None
    if parts is None:
        yield str(value)
    else:
        for part in parts:
            yield from _leaf_texts(part)


def _is_secret(name: Any, value: Any) -> bool:
    """Whether a key is that of a secret and the value can be one: not empty and not a boolean."""
    is_empty = value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value)
    return (
        not is_empty
        and not isinstance(value, bool)
        and not _SECRET_WORDS.isdisjoint(map(str.lower, _WORD.findall(str(name))))
    )
