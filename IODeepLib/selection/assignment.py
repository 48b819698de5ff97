"""The best assignment of rows to columns, and where another one would be as good."""

from __future__ import annotations

from collections.abc import Sequence

_FREE = -1


def assign(costs: Sequence[Sequence[int]]) -> list[tuple[int, tuple[int, ...]]]:
    """Give each row a column of its own so that the sum of the costs is the smallest.

    The Hungarian method, by shortest augmenting paths: exact, in rows² · columns steps.
    (H. W. Kuhn, Naval Research Logistics Quarterly 2 (1955) 83.)

    Args:
        costs: of each row and column; no more rows than columns.

    Returns:
        For each row its column, and the columns that it has in other assignments of the same sum.
    """
    rows, columns = range(len(costs)), range(len(costs[0]))
    # The prices of a row and a column together are at most the cost of both, and are that cost
    # where they are assigned to each other; the price of a free column is 0, of others at most 0.
    row_prices, column_prices = [0] * len(rows), [0] * len(columns)
    row_of = [_FREE] * len(columns)
    for row in rows:
        _augment(row, costs, row_prices, column_prices, row_of)
    paid = [[c for c in columns if costs[r][c] == row_prices[r] + column_prices[c]] for r in rows]
    free = {column for column in columns if row_of[column] == _FREE}
    # What may as well be left free, or be taken over by the row that leaves another one free.
    spare = _reached([c for c in columns if c not in free and column_prices[c] == 0], row_of, paid)
    reached = [_reached([column], row_of, paid) for column in columns]
    result = []
    for row in rows:
        own = row_of.index(row)
        ends = {own, *(free if own in spare else ())}
        others = (column for column in paid[row] if column != own)
        result.append((own, tuple(c for c in others if not ends.isdisjoint(reached[c]))))
    return result


def _augment(
    row: int,
    costs: Sequence[Sequence[int]],
    row_prices: list[int],
    column_prices: list[int],
    row_of: list[int],
) -> None:
    """Give `row` a column by the cheapest chain of exchanges, and adapt the prices."""
    open_ = set(range(len(row_of)))
    excess = dict.fromkeys(open_, float("inf"))  # what the cheapest chain costs above the prices
    before = dict.fromkeys(open_, _FREE)  # the column that the chain leaves for this one
    chain: list[int] = []
    current, column = row, _FREE
    while current != _FREE:
        for c in open_:
            cost = costs[current][c] - row_prices[current] - column_prices[c]
            if cost < excess[c]:
                excess[c], before[c] = cost, column
        column = min(open_, key=lambda c: (excess[c], c))
        step = int(excess[column])
        row_prices[row] += step
        for c in chain:
            row_prices[row_of[c]] += step
            column_prices[c] -= step
        for c in open_:
            excess[c] -= step
        open_.discard(column)
        chain.append(column)
        current = row_of[column]
    while column != _FREE:
        row_of[column] = row if before[column] == _FREE else row_of[before[column]]
        column = before[column]


def _reached(starts: list[int], row_of: list[int], paid: list[list[int]]) -> set[int]:
    """The columns to which exchanges lead that cost nothing: the row of a column takes another."""
    seen, todo = set(starts), [*starts]
    while todo:
        column = todo.pop()
        if row_of[column] != _FREE:
            new = [c for c in paid[row_of[column]] if c not in seen]
            seen.update(new)
            todo += new
    return seen
