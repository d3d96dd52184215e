"""Takes secrets out of what is written down: by the names they stand under, by their form, and those that are known.

Pure functions on plain data. What is written is the config, parameters, names of sources, and what models and libraries
say when they fail.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

MARK = "***"
"""Stands where a secret was."""

_KEY_WORDS = {
    *("password", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "tokens", "credential", "credentials"),
    *("key", "keys", "apikey", "accesskey", "accountkey", "secretkey", "authorization", "sas", "dsn"),
}
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
_SHORTEST = 4
"""A shorter value is not looked for in texts, where it would stand for other things, too."""
_LONG_PART = 8
_PASSES = 10

_NAMED = (
    r"[\w.-]*(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|credential)s?"
)
_FORMS = (
    # What stands before the secret is group 1; the secret is group 2.
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


def redact_text(text: str, known: Collection[str] = ()) -> str:
    """The text without what looks like a secret, and without those that are known.

    Example:
        >>> redact_text("jdbc:postgresql://me:hunter2@host/db?sslmode=require")
        'jdbc:postgresql://me:***@host/db?sslmode=require'
        >>> redact_text("it said hunter2", known=["hunter2"])
        'it said ***'
    """
    values = sorted((value for value in known if len(value) >= _SHORTEST), key=lambda value: (-len(value), value))
    for _ in range(_PASSES):  # what is left of one form can be another one's
        before = text
        for value in values:
            text = text.replace(value, MARK)
        for form in _FORMS:
            text = form.sub(lambda found: f"{found.group(1)}{MARK}", text)
        if text == before:
            break
    return text


def redact(value: Any, known: Collection[str] = ()) -> Any:
    """The same for plain data: in mappings, what stands under a name that tells of a secret is taken out whole.

    Example:
        >>> redact({"sort": "AUC", "reader": {"apiKey": "abc", "url": "https://u:p@host"}})
        {'sort': 'AUC', 'reader': {'apiKey': '***', 'url': 'https://u:***@host'}}
    """
    if isinstance(value, str):
        return redact_text(value, known)
    if isinstance(value, Mapping):
        return {name: MARK if _hides(name, part) else redact(part, known) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [redact(part, known) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    return value


def secrets_in(value: Any) -> frozenset[str]:
    """The secrets that `redact` would take out of plain data, to look for them elsewhere.

    Example:
        >>> sorted(secrets_in({"password": "hunter2", "source": "https://u:swordfish@host", "HOME": "/root"}))
        ['hunter2', 'swordfish']
    """
    return frozenset(found for found in _secrets(value) if len(found) >= _SHORTEST and found != MARK)


def is_redacted(value: Any) -> bool:
    """Whether a secret was taken out of plain data.

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
            for found in form.finditer(value):
                secret = found.group(2)
                yield secret
                if len(first := secret.partition("/")[0]) >= _LONG_PART:
                    yield first  # the secret may have ended where a path goes on
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part) if _hides(name, part) else _secrets(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _secrets(part)


def _leaves(value: Any) -> Iterator[str]:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else None
    if parts is None:
        yield str(value)
    else:
        for part in parts:
            yield from _leaves(part)


def _hides(name: Any, value: Any) -> bool:
    """Whether a name tells of a secret, and there is one."""
    there = not (
        value is None or isinstance(value, bool) or (isinstance(value, (str, list, tuple, Mapping)) and not value)
    )
    return there and not _KEY_WORDS.isdisjoint(map(str.lower, _WORD.findall(str(name))))
