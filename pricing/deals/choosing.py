"""Which units each promotion of a zone gets: group by group, and in portions where a group is very large."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pricing.deals.applications import Taken
from pricing.deals.budget import Budget
from pricing.deals.counters import size_of
from pricing.deals.kinds import Deal, Line
from pricing.deals.problem import Problem
from pricing.deals.screening import Plain, Rival, groups, screened
from pricing.deals.shortlist import shortlisted
from pricing.deals.solving import Outcome, solve


def choose(lines: Sequence[Line], deals: Sequence[Deal], budget: Budget) -> tuple[Taken, bool]:
    """What each of the deals (in code order) takes, and whether that is proven to be the best."""
    plain, rivals = screened(lines, deals)
    taken = {(option.rank, 0, line): lines[line].count for line, option in plain.items()}
    optimal = True
    for group in groups(rivals):
        of_lines = frozenset().union(*[rival.lines for rival in group])
        for line in of_lines & plain.keys():
            del taken[plain[line].rank, 0, line]
        if _moves(lines, group, budget) > budget.moves:
            optimal = False
            taken |= _in_portions(_only(of_lines, lines), deals, budget)
        else:
            outcome = _solved(lines, plain, group, of_lines, budget)
            optimal = optimal and outcome.proven
            taken |= outcome.taken
    return taken, optimal


def _solved(
    lines: Sequence[Line], plain: Mapping[int, Plain], group: Sequence[Rival], of_lines: frozenset[int], budget: Budget
) -> Outcome:
    problem = Problem(lines, plain, of_lines)
    if len(group) > budget.rivals:
        found, overlooked = shortlisted(problem, lines, group, budget.rivals)
        return solve(problem, width=budget.width, found=found, overlooked=overlooked)
    problem.add(group)
    problem.drop_hopeless()
    return solve(problem, width=budget.width)


def _moves(lines: Sequence[Line], group: Sequence[Rival], budget: Budget) -> int:
    """How many moves one pass over the group makes.

    A deal alone needs few passes, so a quarter is counted; of a group that will be shortlisted, an average share.
    """
    moves = sum(
        size_of(rival.counts, rival.uses, capped=rival.capped, got_are_cheapest=rival.got_are_cheapest)
        * len(rival.roles)
        * sum(lines[line].count for line in rival.lines)
        for rival in group
    )
    if len(group) == 1:
        return moves // 4
    return moves * min(len(group), budget.rivals) // len(group)


def _in_portions(lines: Sequence[Line], deals: Sequence[Deal], budget: Budget) -> Taken:
    """A good choice for a very large group: solve a part, repeat the answer while it fits, go on with the rest."""
    if not budget.portions:
        return _plain_only(lines, deals)
    parts = 2
    while _heaviest(*_portion(lines, deals, parts), budget) > budget.moves:
        parts *= 2
    portion = _portion(lines, deals, parts)
    plain, _ = screened(*portion)
    taken, _ = choose(*portion, budget)
    once = {key: units for key, units in taken.items() if key[2] not in plain or plain[key[2]].rank != key[0]}
    if not once:
        return _plain_only(lines, deals)
    units, uses = _needs(once, deals)
    fits = [lines[line].count // needed for line, needed in units.items()]
    fits += [limit // needed for rank, needed in uses.items() if (limit := deals[rank].max_uses) is not None]
    times = min(fits)
    rest, _ = choose(
        [replace(line, count=line.count - times * units[place]) for place, line in enumerate(lines)],
        [
            deal if deal.max_uses is None else deal.at_most(deal.max_uses - times * uses[rank])
            for rank, deal in enumerate(deals)
        ],
        replace(budget, portions=budget.portions - 1),
    )
    return dict(Counter({key: count * times for key, count in once.items()}) + Counter(rest))


def _plain_only(lines: Sequence[Line], deals: Sequence[Deal]) -> Taken:
    plain, _ = screened(lines, deals)
    return {(option.rank, 0, line): lines[line].count for line, option in plain.items()}


def _heaviest(lines: Sequence[Line], deals: Sequence[Deal], budget: Budget) -> int:
    _, rivals = screened(lines, deals)
    return max((_moves(lines, group, budget) for group in groups(rivals)), default=0)


def _only(of_lines: frozenset[int], lines: Sequence[Line]) -> list[Line]:
    return [line if place in of_lines else replace(line, count=0) for place, line in enumerate(lines)]


def _portion(lines: Sequence[Line], deals: Sequence[Deal], parts: int) -> tuple[list[Line], list[Deal]]:
    """Every so many-th unit, counted from the dearest, and as much of each promotion's limit."""
    counts, before = {}, 0
    for place in sorted(range(len(lines)), key=lambda place: (-lines[place].price, place)):
        after = before + lines[place].count
        counts[place] = -(-after // parts) + before // -parts
        before = after
    return (
        [replace(line, count=counts[place]) for place, line in enumerate(lines)],
        [deal if deal.max_uses is None else deal.at_most(-(-deal.max_uses // parts)) for deal in deals],
    )


def _needs(taken: Taken, deals: Sequence[Deal]) -> tuple[Counter[int], Counter[int]]:
    """The units of each line and the uses of each deal."""
    units: Counter[int] = Counter()
    first_role: Counter[int] = Counter()
    for (rank, role, line), count in taken.items():
        units[line] += count
        first_role[rank] += count if role == 0 else 0
    return units, Counter({rank: count // deals[rank].roles[0].count for rank, count in first_role.items()})
