"""The hash of `bakeoff.source.row_hash`, over rows in memory: equal, bit by bit, to what Spark computes in SQL."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.source.java_numbers import java_texts

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
_MICROS = 1_000_000.0
_FEW = 100_000
"""Texts of one length that are hashed in one go."""


def row_hashes(rows: pa.Table) -> Hashes:
    """Return the hash of each row, by the columns in their order."""
    hashes = np.full(rows.num_rows, _SEED, dtype=np.uint64)
    for column in rows.columns:
        hashes = _hash_texts(_texts(column), hashes)
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


def _texts(column: pa.ChunkedArray) -> pa.Array:
    """Return a column's values as Spark's SQL casts them to text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.cast(kind.value_type))
    if pa.types.is_floating(kind):
        return _number_texts(column)
    if pa.types.is_timestamp(kind):
        micros = column.cast(pa.timestamp("us", kind.tz))
        if kind.tz is not None:  # by its number of seconds, see `bakeoff.source.row_hash`
            return _number_texts(pc.divide(micros.cast(pa.int64()).cast(pa.float64(), safe=False), _MICROS))
        column = pc.replace_substring_regex(micros.cast(pa.string()), r"\.?0*$", "")
    if pa.types.is_decimal(kind):
        column = pa.array((None if value is None else str(value) for value in column.to_pylist()), pa.string())
    texts = column.cast(pa.large_string())
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _number_texts(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    missing = column.is_null().to_numpy()
    numbers = column.to_numpy()
    kind = np.uint32 if numbers.dtype == np.float32 else np.uint64
    numbers = np.where(np.isnan(numbers), np.nan, numbers).astype(numbers.dtype)
    bits, positions = np.unique(numbers.view(kind), return_inverse=True)
    texts = pa.array(java_texts(bits.view(numbers.dtype)), pa.large_string())
    return texts.take(pa.array(positions, mask=missing))


def _hash_texts(texts: pa.Array, hashes: Hashes) -> Hashes:
    """Go on with the hash of each row by a text; one that is missing changes nothing."""
    import pyarrow.compute as pc

    _, offsets, content = texts.buffers()
    start = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    chars = np.frombuffer(content, np.uint8) if content is not None else np.zeros(0, np.uint8)
    lengths = np.diff(start)
    present = pc.is_valid(texts).to_numpy(zero_copy_only=False)
    found = hashes.copy()
    order = np.argsort(np.where(present, lengths, -1), kind="stable")
    order = order[np.count_nonzero(~present) :]
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
