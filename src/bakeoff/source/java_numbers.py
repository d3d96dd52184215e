"""Floating-point numbers as text, digit by digit as Java writes them (up to version 18), and so as Spark's SQL does.

Java does not always write the fewest digits: 8.41E21 is 8.409999999999999E21 there. The rows of a table are put in
order by a hash of such texts, so they are the same here to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

_POWERS_OF_5 = [5**n for n in range(27)]
_BITS_OF_5 = np.array([0, *(power.bit_length() for power in _POWERS_OF_5[1:])])
_FRACTION = 52
"""Bits of a double's fraction, without the leading one."""
_LARGEST_WHOLE = 62
"""Greatest exponent of two with which whole numbers are written as such."""
_MOST_PLAIN, _LEAST_PLAIN = 8, -2
"""Decimal exponents between which numbers are written without an exponent."""
_BEYOND = np.array(
    [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 9,
     10, 10, 10, 11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15, 15, 16, 16, 16, 17, 17, 17, 18, 18, 18,
     19]
)  # fmt: skip
"""Decimal digits that have no meaning, by the bits of a whole number that have none."""


def java_texts(numbers: np.ndarray[Any, Any]) -> list[str]:
    """Return numbers of type float64 or float32 as Java writes them.

    Example:
        >>> java_texts(np.array([1.0, 0.1, 1e7, -1.5e-5, 8.41e21, np.nan]))
        ['1.0', '0.1', '1.0E7', '-1.5E-5', '8.409999999999999E21', 'NaN']
    """
    texts = np.full(len(numbers), "", dtype=object)
    finite = np.isfinite(numbers) & (numbers != 0)
    for mask, text in (
        (np.isnan(numbers), "NaN"),
        (numbers == np.inf, "Infinity"),
        (numbers == -np.inf, "-Infinity"),
        ((numbers == 0) & ~np.signbit(numbers), "0.0"),
        ((numbers == 0) & np.signbit(numbers), "-0.0"),
    ):
        texts[mask] = text
    if finite.any():
        texts[finite] = _written(_digits(_parts(numbers[finite])), np.signbit(numbers[finite]))
    found: list[str] = texts.tolist()
    return found


class _Parts(NamedTuple):
    """Numbers as ``fraction / 2**52 * 2**exponent``, with ``bits`` bits of meaning."""

    fraction: np.ndarray[Any, Any]
    exponent: np.ndarray[Any, Any]
    bits: np.ndarray[Any, Any]

    def where(self, mask: np.ndarray[Any, Any]) -> _Parts:
        return _Parts(*(part[mask] for part in self))


def _parts(numbers: np.ndarray[Any, Any]) -> _Parts:
    """Take numbers apart; those that are too small for a leading one have fewer bits of meaning."""
    mantissa, exponent = np.frexp(np.abs(numbers).astype(np.float64))
    fraction = (mantissa * 2.0 ** (_FRACTION + 1)).astype(np.int64)
    exponent = exponent.astype(np.int64) - 1
    full, least = (24, -126) if numbers.dtype == np.float32 else (_FRACTION + 1, -1022)
    return _Parts(fraction, exponent, np.where(exponent < least, full - (least - exponent), full))


@dataclass(frozen=True)
class _Digits:
    """Decimal digits of numbers: ``0.digits * 10**exponent``, the digits as a whole number of so many."""

    value: np.ndarray[Any, Any]
    n: np.ndarray[Any, Any]
    exponent: np.ndarray[Any, Any]

    @classmethod
    def empty(cls, size: int) -> _Digits:
        return cls(*(np.zeros(size, dtype=np.int64) for _ in range(3)))

    def put(self, mask: np.ndarray[Any, Any], found: _Digits) -> None:
        self.value[mask], self.n[mask], self.exponent[mask] = found.value, found.n, found.exponent


def _digits(parts: _Parts) -> _Digits:
    zeros = _trailing_zeros(parts.fraction)
    n_bits = _FRACTION + 1 - zeros
    below_one = np.maximum(0, n_bits - parts.exponent - 1)
    whole = (below_one == 0) & (parts.exponent <= _LARGEST_WHOLE)
    found = _Digits.empty(len(zeros))
    found.put(whole, _of_whole(parts.where(whole)))
    scaled = _scaled(parts.where(~whole), zeros[~whole], n_bits[~whole], below_one[~whole])
    rest = _Digits.empty(len(scaled.exponent))
    small = scaled.is_small
    rest.put(small, _generated(scaled.where(small)))
    rest.put(~small, _generated_exactly(scaled.where(~small)))
    found.put(~whole, rest)
    return found


def _trailing_zeros(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    _, exponent = np.frexp((values & -values).astype(np.float64))
    return np.asarray(exponent, dtype=np.int64) - 1


def _of_whole(parts: _Parts) -> _Digits:
    """Return the digits of whole numbers, without the zeros at their end."""
    up = parts.exponent >= _FRACTION
    value = np.where(
        up,
        parts.fraction << np.where(up, parts.exponent - _FRACTION, 0),
        parts.fraction >> np.where(up, 0, _FRACTION - parts.exponent),
    )
    beyond = _BEYOND[np.maximum(0, parts.exponent - parts.bits - 1)]
    unit = 10**beyond
    value = value // unit + ((value % unit >= unit // 2) & (beyond > 0))
    n = _count_digits(value)
    exponent = n + beyond
    while (round_ := (value % 10 == 0) & (value > 0)).any():
        value = np.where(round_, value // 10, value)
        n = n - round_
    return _Digits(value, n, exponent)


def _count_digits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.searchsorted(np.array([10**n for n in range(1, 19)]), values, side="right") + 1


@dataclass(frozen=True)
class _Scaled:
    """Numbers as ``b / s * 10**exponent``, and half of the distance to the next number as ``m / s * 10**exponent``.

    Each is a product of powers: ``b = fraction * 5**b5 * 2**b2``, ``s = 5**s5 * 2**s2`` and ``m = 5**b5 * 2**m2``.
    """

    fraction: np.ndarray[Any, Any]
    exponent: np.ndarray[Any, Any]
    b5: np.ndarray[Any, Any]
    b2: np.ndarray[Any, Any]
    s5: np.ndarray[Any, Any]
    s2: np.ndarray[Any, Any]
    m2: np.ndarray[Any, Any]
    is_small: np.ndarray[Any, Any]
    """Whether Java computes with 64 bits, where it rounds another way."""

    def where(self, mask: np.ndarray[Any, Any]) -> _Scaled:
        return _Scaled(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))


def _scaled(parts: _Parts, zeros: Any, n_bits: Any, below_one: Any) -> _Scaled:
    exponent = _estimated_exponent(parts)
    b5, s5 = np.maximum(0, -exponent), np.maximum(0, exponent)
    b2 = b5 + below_one + parts.exponent
    s2 = s5 + below_one
    m2 = b2 - parts.bits
    b2 = b2 - (n_bits - 1)
    common = np.minimum(b2, s2)
    b2, s2, m2 = b2 - common, s2 - common, m2 - common
    m2 = m2 - (n_bits == 1)  # below a power of two, numbers are nearer to each other
    lift = np.maximum(0, -m2)
    b2, s2, m2 = b2 + lift, s2 + lift, m2 + lift
    b_bits = n_bits + b2 + _bits_of_5(b5)
    ten_s_bits = s2 + 1 + _bits_of_5(s5 + 1)
    return _Scaled(parts.fraction >> zeros, exponent, b5, b2, s5, s2, m2, (b_bits < 64) & (ten_s_bits < 64))  # noqa: PLR2004


def _bits_of_5(powers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    known = powers < len(_BITS_OF_5)
    return np.where(known, _BITS_OF_5[np.where(known, powers, 0)], powers * 3)


def _estimated_exponent(parts: _Parts) -> np.ndarray[Any, Any]:
    """Estimate the decimal exponent of the first digit, as Java does; it can be one too high."""
    mantissa = parts.fraction / 2.0**_FRACTION
    estimate = (mantissa - 1.5) * 0.289529654 + 0.176091259 + parts.exponent * 0.301029995663981
    return np.floor(estimate).astype(np.int64)


def _generated(scaled: _Scaled) -> _Digits:
    """Generate digits until the rest is less than the distance to the next number, all numbers at once."""
    fives = np.array(_POWERS_OF_5)
    b = (scaled.fraction * fives[scaled.b5]) << scaled.b2
    s = fives[scaled.s5] << scaled.s2
    m = fives[scaled.b5] << scaled.m2
    tens = s * 10
    exponent = scaled.exponent.copy()
    value, n = np.zeros_like(b), np.zeros_like(b)
    low, high = np.zeros(len(b), dtype=bool), np.zeros(len(b), dtype=bool)
    active, is_first = np.ones(len(b), dtype=bool), True
    while active.any():
        q = b[active] // s[active]
        rest = 10 * (b[active] % s[active])
        margin = m[active] * 10
        beyond = margin <= 0  # it is greater than 64 bits can hold
        is_low, is_high = (rest < margin) | beyond, (rest + margin > tens[active]) | beyond
        is_kept = np.ones(len(q), dtype=bool)
        if is_first:
            is_kept = (q != 0) | is_high
            exponent[active] -= ~is_kept
            plain = (exponent >= _LEAST_PLAIN - 1) & (exponent < _MOST_PLAIN)
            is_low, is_high, is_first = is_low & plain, is_high & plain, False
        value[active] = np.where(is_kept, value[active] * 10 + q, value[active])
        n[active] += is_kept
        b[active], m[active], low[active], high[active] = rest, margin, is_low, is_high
        active &= ~(low | high)
    doubled = b * 2 - tens
    up = high & (~low | (doubled > 0) | ((doubled == 0) & (value % 2 == 1)))
    return _rounded(value, n, exponent + 1, up)


def _generated_exactly(scaled: _Scaled) -> _Digits:
    """Do the same with whole numbers of any size, one number at a time."""
    columns = (scaled.fraction, scaled.exponent, scaled.b5, scaled.b2, scaled.s5, scaled.s2, scaled.m2)
    rows = [_generate_one(*map(int, row)) for row in zip(*columns, strict=True)]
    value, n, exponent, up = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return _rounded(value, n, exponent, up.astype(bool))


def _generate_one(  # noqa: PLR0913, PLR0917 - a row of `_Scaled`
    fraction: int, exponent: int, b5: int, b2: int, s5: int, s2: int, m2: int
) -> tuple[int, int, int, bool]:
    b, s, m = (fraction * 5**b5) << b2, 5**s5 << s2, 5**b5 << m2
    tens = 10 * s
    q, b = divmod(b, s)
    b, m = b * 10, m * 10
    low, high = b < m, b + m >= tens
    value, n = q, 1
    if q == 0 and not high:
        exponent, n = exponent - 1, 0
    if not _LEAST_PLAIN - 1 <= exponent < _MOST_PLAIN:
        low = high = False
    while not low and not high:
        q, b = divmod(b, s)
        b, m = b * 10, m * 10
        low, high = b < m, b + m >= tens
        value, n = value * 10 + q, n + 1
    up = high and (not low or 2 * b > tens or (2 * b == tens and value % 2 == 1))
    return value, n, exponent + 1, up


def _rounded(value: Any, n: Any, exponent: Any, up: Any) -> _Digits:
    """Round the last digit up where that is nearer."""
    value = value + up
    full = 10**n
    carried = value == full
    return _Digits(np.where(carried, full // 10, value), n, exponent + carried)


def _written(digits: _Digits, negative: np.ndarray[Any, Any]) -> list[str]:
    rows = zip(digits.value.tolist(), digits.n.tolist(), digits.exponent.tolist(), negative.tolist(), strict=True)
    return [_write(str(value).rjust(n, "0"), exponent, "-" if minus else "") for value, n, exponent, minus in rows]


def _write(digits: str, exponent: int, sign: str) -> str:
    if 0 < exponent < _MOST_PLAIN:
        return f"{sign}{digits[:exponent].ljust(exponent, '0')}.{digits[exponent:] or '0'}"
    if _LEAST_PLAIN <= exponent <= 0:
        return f"{sign}0.{'0' * -exponent}{digits}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent - 1}"
