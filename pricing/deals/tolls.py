"""What a deal has to pay for a unit: tolls, the Lagrangian multipliers of "a unit is used once".

At any tolls not below the floor `Problem.bound` is at least the best score: whatever the choice, each unit is paid for
once and no deal does better than its best reply to the tolls. Good tolls make the bound tight. `descend` moves all of
them together towards it, `sweep` then sets them one by one.
"""

from operator import add

from pricing.deals.problem import Problem, pulled, pushed

_WHOLE = 1024
_DAMPED = 700
"""After a step that did not lower the bound the next ones are this many 1024ths as long."""
_SIXTEENTHS = 9
"""How far up a toll is set between what the keenest and the next keenest deal would pay; the middle works as well."""


def descend(problem: Problem, *, steps: int, target: int) -> None:
    """Raise the tolls of units that several deals want and lower those that none wants; keep the best tolls met.

    Subgradient steps of Polyak's length towards `target`, a score that can be reached. `ahead` is up to date after it.
    """
    best, best_tolls = problem.bound(), problem.tolls
    damping = _WHOLE
    for _ in range(steps):
        excess = _excess_demand(problem)
        length = sum([wanted * wanted for wanted in excess]) * _WHOLE
        if not length:
            break
        step = (problem.bound() - target) * damping
        problem.set_tolls(
            [
                max(floor, toll + step * wanted // length)
                for toll, floor, wanted in zip(problem.tolls, problem.floor, excess, strict=True)
            ]
        )
        bound = problem.bound()
        if bound < best:
            best, best_tolls = bound, problem.tolls
        else:
            damping = damping * _DAMPED // _WHOLE
    problem.set_tolls(best_tolls)


def _excess_demand(problem: Problem) -> list[int]:
    """By unit, how many deals too many want it; an unwanted unit whose toll cannot fall counts as settled."""
    excess = [-1] * len(problem.units)
    for track in problem.tracks:
        for position in track.best_reply(problem.tolls):
            excess[position] += 1
    return [
        0 if wanted < 0 and toll == floor else wanted
        for wanted, toll, floor in zip(excess, problem.tolls, problem.floor, strict=True)
    ]


def sweep(problem: Problem) -> None:
    """Set every toll once going forward and once going back; the bound never rises, and `ahead` is up to date.

    With all other tolls fixed the bound is least where a unit's toll lies between what the keenest and the next keenest
    deal would pay for it.
    """
    for position in range(len(problem.units)):
        toll = problem.tolls[position] = _balanced(problem, position)
        for track, k in problem.touching[position]:
            track.behind[k + 1] = pushed(track.behind[k], track.steps[k], toll)
    for position in range(len(problem.units) - 1, -1, -1):
        toll = problem.tolls[position] = _balanced(problem, position)
        for track, k in problem.touching[position]:
            track.ahead[k] = pulled(track.ahead[k + 1], track.steps[k], toll)


def _balanced(problem: Problem, position: int) -> int:
    keenest = next_keenest = problem.floor[position]
    for track, k in problem.touching[position]:
        behind, ahead = track.behind[k], track.ahead[k + 1]
        using = max([behind[step[0]] + step[2] + ahead[step[1]] for step in track.steps[k]])
        offer = using - max(map(add, behind, ahead))
        if offer > keenest:
            keenest, next_keenest = offer, keenest
        elif offer > next_keenest:
            next_keenest = offer
    return next_keenest + ((keenest - next_keenest) * _SIXTEENTHS >> 4)
