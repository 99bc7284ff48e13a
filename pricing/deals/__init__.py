"""The best unit deals for the shopper inside one priority zone (pricing rules, section 4). Plain Python, whole cents.

`best_deals` finds the set of disjoint applications with the greatest saving under all the rules of ties. It is exact,
and says so (`optimal`), unless its budget runs out (`budget`); then the best set found stands.

**The model** (`kinds`). Whatever its kind, an application fills roles with units and saves what they are worth there
less an amount. That a saving is never below zero, and that an application that saves nothing is not applied, need not
be watched during the search: leaving such an application out is better, or as good with fewer applications. Where the
got units are the cheapest of an application, the cut dearest first saves most, so it is the only one looked at.

**What needs no search** (`screening`). Of the single-unit deals without a limit each line has one best, its *plain*
option. Of the others, those are dropped that even at their best do worse than the plain options on the units they
need, before anything is built for them. What is left, *rivals*, is dropped where another of the same shape always does
better, and grouped so that rivals of different groups share no line: groups are solved one by one. A cart without
rivals is done here.

**Counters** (`counters`). When the units of a group are dealt out one by one, dearest first, a deal need not remember
which units it got, only how many its open applications still lack: a small counter. A choice is then a path: unit by
unit, which deal takes it in which role, if any does, until every counter ends with nothing open.

**Tolls** (`problem`, `tolls`). Let every unit have a toll that a deal pays for using it (a Lagrangian multiplier).
Then each deal can be looked at alone: the best it can do at these tolls from each state on is a short backward pass
over its counter, and all tolls plus all best replies are an upper bound of what any choice saves. Subgradient steps
and then a sweep over the units bring the bound down.

**Layers** (`layers`). A dynamic programme over the units keeps, for each state of all counters together, the best way
to reach it. A state whose way so far plus the bound of the rest is below what has already been found is dropped. A
narrow search mostly finds the best choice at once and often proves it, because nothing it dropped could be better; if
not, the tolls are improved, steps that can't be part of a better choice are forgotten, and the last search runs at
full width (`solving`).

**Ties.** Saving and number of applications form one number, the score, which the bound is made of. Below it, as
digits of the same whole number, stand the uses of each promotion in code order and the units by promotion, role and
line. One comparison of numbers is then the whole order of the rules, and the digits of the best number are the choice
itself. The order of ties has to hold only inside a group, for the choices of different groups add up digit by digit.

**Large carts.** Of very many rivals a few set the tolls, by which most others are ruled out (`shortlist`). A group
with too many moves is solved in portions (`choosing`). Both are honest about `optimal`.

**After the search** (`applications`) each promotion's units are cut into applications in line order, and a saving
that belongs to several units is spread over them.
"""

from collections.abc import Sequence

from pricing.deals.applications import Application as Application
from pricing.deals.applications import Solution as Solution
from pricing.deals.applications import UnitShare as UnitShare
from pricing.deals.applications import application_of as application_of
from pricing.deals.applications import applications_of
from pricing.deals.budget import STANDARD
from pricing.deals.budget import Budget as Budget
from pricing.deals.choosing import choose
from pricing.deals.kinds import Deal as Deal
from pricing.deals.kinds import Line as Line
from pricing.deals.kinds import Maker as Maker
from pricing.deals.kinds import Role as Role
from pricing.deals.kinds import amount_off as amount_off
from pricing.deals.kinds import bundle as bundle
from pricing.deals.kinds import buy_x_get_y as buy_x_get_y
from pricing.deals.kinds import fixed_price as fixed_price
from pricing.deals.kinds import multi_buy as multi_buy
from pricing.deals.kinds import percent_off as percent_off


def best_deals(lines: Sequence[Line], deals: Sequence[Deal], *, budget: Budget = STANDARD) -> Solution:
    """The applications that save most on the free units of these lines, by the rules' order of ties.

    Lines are in cart order and deals name them by their place in it; no two deals have the same code. A line of which a
    higher zone has used units stands here with the count that is left, which may be 0.
    """
    ranked = sorted(deals, key=lambda deal: deal.code)
    taken, optimal = choose(lines, ranked, budget)
    return Solution(tuple(applications_of(taken, ranked, lines)), optimal)
