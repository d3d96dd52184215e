"""The hash of `bakeoff.source.row_hash`, over rows in memory: equal, bit by bit, to what Spark computes in SQL."""

from __future__ import annotations

import decimal
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

_P1, _P2, _P3, _P4, _P5 = (
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)
"""The primes of XXH64."""
_SEED = 42
"""Seed of Spark's ``xxhash64``."""
_LONG_BITS = 64
_LONG_DIGITS = 18
"""Digits of a decimal that 64 bits hold."""
_FEW = 100_000
"""Texts of one length that are hashed in one go."""


def row_hashes(rows: pa.Table) -> Hashes:
    """Return the hash of each row, by the columns in their order; a value that is missing changes nothing."""
    hashes = np.full(rows.num_rows, _SEED, dtype=np.uint64)
    for column in rows.columns:
        hashes = np.where(column.is_null().to_numpy(), hashes, _with_column(column, hashes))
    return hashes


def lots(hashes: Hashes, copies: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the lot of each row in a sample: ``xxhash64(seed, hash, copy)``.

    Args:
        hashes: hashes of the rows.
        copies: number of each row among the rows that are equal to it, from 1.
        seed: seed of the sample.
    """
    found = np.full(len(hashes), _SEED, dtype=np.uint64)
    found = _hash_long(np.full(len(hashes), seed, dtype=np.uint64), found)
    return _hash_int(copies.astype(np.uint64), _hash_long(hashes, found)).view(np.int64)


def _with_column(column: pa.ChunkedArray, hashes: Hashes) -> Hashes:
    """Go on with the hash of each row by the column's value, as Spark does for the value's type."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _with_column(column.cast(kind.value_type), hashes)
    if pa.types.is_floating(kind):
        return _hash_reals(column.to_numpy(), hashes)
    if pa.types.is_decimal(kind):
        return _hash_decimals(column, hashes)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _hash_texts(column.cast(pa.large_string()).combine_chunks(), hashes)
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz))
    whole = (
        column if pa.types.is_integer(kind) else column.cast(pa.int32() if kind.bit_width < _LONG_BITS else pa.int64())
    )
    numbers = whole.cast(pa.int64()).fill_null(0).to_numpy().view(np.uint64)
    return _hash_long(numbers, hashes) if kind.bit_width == _LONG_BITS else _hash_int(numbers, hashes)


def _hash_reals(numbers: np.ndarray[Any, Any], hashes: Hashes) -> Hashes:
    """Hash by the bits of numbers; there is one NaN, and minus zero is zero."""
    bits = np.where(np.isnan(numbers), np.nan, numbers + 0.0).astype(numbers.dtype)
    if numbers.dtype == np.float32:
        return _hash_int(bits.view(np.uint32).astype(np.uint64), hashes)
    return _hash_long(bits.view(np.uint64), hashes)


def _hash_decimals(column: pa.ChunkedArray, hashes: Hashes) -> Hashes:
    """Hash by the digits as a whole number: of 64 bits where the type fits into them, else of the bytes it needs."""
    import pyarrow as pa

    kind = column.type
    exact = decimal.Context(prec=kind.precision + 1)
    digits = [0 if value is None else int(value.scaleb(kind.scale, exact)) for value in column.to_pylist()]
    if kind.precision <= _LONG_DIGITS:
        return _hash_long(np.array(digits, dtype=np.int64).view(np.uint64), hashes)
    as_bytes = [n.to_bytes(1 + (n if n >= 0 else ~n).bit_length() // 8, "big", signed=True) for n in digits]
    return _hash_texts(pa.array(as_bytes, pa.large_binary()), hashes)


def _hash_texts(texts: pa.Array, hashes: Hashes) -> Hashes:
    """Go on with the hash of each row by a text, or by bytes."""
    _, offsets, content = texts.buffers()
    start = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    chars = np.frombuffer(content, np.uint8) if content is not None else np.zeros(0, np.uint8)
    lengths = np.diff(start)
    found = hashes.copy()
    order = np.argsort(lengths, kind="stable")
    bounds = np.flatnonzero(np.diff(lengths[order], prepend=-1, append=-1))
    for first, last in itertools.pairwise(bounds):
        for rows in np.array_split(order[first:last], 1 + (last - first) // _FEW):
            length = int(lengths[rows[0]])
            texts_of_rows = chars[start[rows][:, None] + np.arange(length)]
            found[rows] = _hash_bytes(texts_of_rows, hashes[rows])
    return found


def _hash_bytes(texts: np.ndarray[Any, np.dtype[np.uint8]], seeds: Hashes) -> Hashes:
    """Return XXH64 of texts of one length, each with its own seed."""
    size = texts.shape[1]
    words = np.ascontiguousarray(texts[:, : size - size % 8]).view("<u8")
    n_wide = (words.shape[1] // 4) * 4
    if n_wide:
        lanes = [seeds + _P1 + _P2, seeds + _P2, seeds.copy(), seeds - _P1]
        for column in range(n_wide):
            lanes[column % 4] = _round(lanes[column % 4], words[:, column])
        found = _rotated(lanes[0], 1) + _rotated(lanes[1], 7) + _rotated(lanes[2], 12) + _rotated(lanes[3], 18)
        for lane in lanes:
            found = (found ^ _round(np.zeros_like(lane), lane)) * _P1 + _P4
    else:
        found = seeds + _P5
    found = found + np.uint64(size)
    for column in range(n_wide, words.shape[1]):
        found = _with_word(found, words[:, column])
    at = words.shape[1] * 8
    if size - at >= 4:  # noqa: PLR2004 - bytes of half a word
        found = _with_half(found, np.ascontiguousarray(texts[:, at : at + 4]).view("<u4")[:, 0].astype(np.uint64))
        at += 4
    for column in range(at, size):
        found = _rotated(found ^ (texts[:, column].astype(np.uint64) * _P5), 11) * _P1
    return _mixed(found)


def _hash_long(values: Hashes, seeds: Hashes) -> Hashes:
    return _mixed(_with_word(seeds + _P5 + np.uint64(8), values))


def _hash_int(values: Hashes, seeds: Hashes) -> Hashes:
    return _mixed(_with_half(seeds + _P5 + np.uint64(4), values & np.uint64(0xFFFFFFFF)))


def _with_word(found: Hashes, word: Hashes) -> Hashes:
    return _rotated(found ^ _round(np.zeros_like(found), word), 27) * _P1 + _P4


def _with_half(found: Hashes, half: Hashes) -> Hashes:
    return _rotated(found ^ (half * _P1), 23) * _P2 + _P3


def _round(lane: Hashes, word: Hashes) -> Hashes:
    return _rotated(lane + word * _P2, 31) * _P1


def _rotated(values: Hashes, by: int) -> Hashes:
    return (values << np.uint64(by)) | (values >> np.uint64(64 - by))


def _mixed(found: Hashes) -> Hashes:
    found = (found ^ (found >> np.uint64(33))) * _P2
    found = (found ^ (found >> np.uint64(29))) * _P3
    return found ^ (found >> np.uint64(32))
