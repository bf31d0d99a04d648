"""Many simulated ramps at once: bets in arrays, decisions by what is shipped.

The same as `canary_ramp.Ramp` for each seed (a test holds them equal), many times as fast. Bets are
added up in arrays; wherever they might lead to a rollback, an advance or a promotion, the ramp's
evidence is written out as `registry.evidence.Evidence`, and the shipped `judge` and `decide` say
what happens.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from canary_ramp import LOOK_S, Outcome, Setting, decide_at
from canary_traffic import BLOCK, DAY_S, ROOMS, Block, Flags, Floats, blocks, forecast
from numpy.typing import NDArray

from registry.bets import LARGEST, PUT_IN, SIZES, Stream
from registry.evidence import MUST_BE_SHOWN, Evidence, judge, start
from registry.ramp.rules import RampRules
from registry.records import SIDES

_NEARLY = 0.9  # of what a decision needs; whether it is reached says the shipped code
_SIZES = np.array(SIZES)
Rows = NDArray[np.int64]


class Bets:
    """The streams of many ramps: `registry.evidence` in arrays of shape (ramps, streams, bets)."""

    def __init__(self, first: Sequence[Evidence]) -> None:
        self.names = list(first[0].streams)
        self.column = {name: i for i, name in enumerate(self.names)}
        streams = [[one.streams[name] for name in self.names] for one in first]
        self.ceiling = np.array([[one.ceiling for one in row] for row in streams])
        self.weight = np.array([[one.weight for one in row] for row in streams])
        self.lowest = np.array([one.lowest for one in streams[0]])
        self.highest = np.array([one.highest for one in streams[0]])
        self.foreseen = [[one.foreseen for one in row] for row in streams]
        self.has_safe = np.array([len(one.safe) > 0 for one in streams[0]])
        self.shown = [self.column[name] for name in MUST_BE_SHOWN]
        self.reserve = np.array([[one.reserve for one in row] for row in streams])
        self.harm = np.repeat(1 - self.reserve[..., None], len(SIZES), axis=2)
        self.safe = self.harm.copy()
        self.seen, self.total, self.allowed = np.zeros((3, *self.ceiling.shape))

    def add(self, value: Floats, ceiling: Floats, observed: Flags) -> None:
        """Bet on observations; shapes (ramps, streams)."""
        rows, columns = np.nonzero(observed & (self.lowest < ceiling) & (ceiling < self.highest))
        low, high = self.lowest[columns], self.highest[columns]
        x, mean = np.clip(value[rows, columns], low, high), ceiling[rows, columns]
        more = self.reserve[rows, columns] * PUT_IN / (self.seen[rows, columns] + 1)
        up, down = (x - mean) / (mean - low), (mean - x) / (high - mean)
        for bets, way in ((self.harm, up), (self.safe, down)):
            won = (bets[rows, columns] + more[:, None]) * (1 + _SIZES * way[:, None])
            bets[rows, columns] = np.minimum(won, LARGEST)
        self.reserve[rows, columns] -= more
        self.seen[rows, columns] += 1
        self.total[rows, columns] += x
        self.allowed[rows, columns] += mean

    def e_harm(self, rows: Rows) -> Floats:
        """Return the e-values of harm of some ramps."""
        e_values = self.reserve[rows] + self.harm[rows].mean(axis=2)
        e_harm: Floats = 1 + (self.weight[rows] * (e_values - 1)).sum(axis=1)
        return e_harm

    def e_shown(self, rows: Rows) -> Floats:
        """Return the least e-value of what must be shown, of some ramps."""
        e_values = self.reserve[rows] + self.safe[rows].mean(axis=2)
        least: Floats = e_values[:, self.shown].min(axis=1)
        return least

    def streams(self, row: int) -> dict[str, Stream]:
        """Return a ramp's streams as `registry.evidence` has them."""
        return {
            name: Stream(
                float(self.ceiling[row, i]), float(self.weight[row, i]), float(self.lowest[i]),
                self.harm[row, i].tolist(),
                self.safe[row, i].tolist() if self.has_safe[i] else (),
                float(self.reserve[row, i]), int(self.seen[row, i]),
                float(self.total[row, i]), float(self.allowed[row, i]), self.foreseen[row][i],
                float(self.highest[i]),
            )
            for i, name in enumerate(self.names)
        }  # fmt: skip


class Fleet:
    """Ramps of one setting, one in each row."""

    def __init__(self, setting: Setting, rules: RampRules, seeds: Sequence[int]) -> None:
        rngs = [np.random.default_rng(seed) for seed in seeds]
        self.setting, self.rules = setting, rules
        self.bets = Bets([start(rules, forecast(setting.world, rng)) for rng in rngs])
        self.coming = [blocks(setting.world, setting.per_day, rng) for rng in rngs]
        self.listings, self.answered, self.harmed, self.step_answered = np.zeros(
            (4, len(rngs)), int
        )
        self.step = np.full(len(rngs), setting.first_step)
        self.step_before = self.step.copy()
        self.look, self.step_at = np.zeros((2, len(rngs)))
        self.running, self.over = np.ones(len(rngs), bool), np.zeros(len(rngs), bool)
        self.compared: list[list[float]] = [[] for _ in rngs]
        self.outcomes = [Outcome() for _ in rngs]
        self.shares = np.array([step.weight / 100 for step in rules.steps])
        self.dwell_s = np.array([step.dwell_s for step in rules.steps])
        self.needed = np.array([step.answered for step in rules.steps])

    def run(self) -> list[Outcome]:
        """Return how the ramps end."""
        current = [next(coming) for coming in self.coming]
        while self.running.any():
            together = Block(*(np.array(some) for some in zip(*map(_fields, current), strict=True)))
            for i in range(BLOCK):
                self._listing(together, i)
            for row in np.flatnonzero(self.running):
                current[row] = next(self.coming[row])
        for row, outcome in enumerate(self.outcomes):
            outcome.step, outcome.days = int(self.step[row]), float(self.look[row]) / DAY_S
            for name in ("listings", "answered", "harmed"):
                setattr(outcome, name, int(getattr(self, name)[row]))
        return self.outcomes

    def _listing(self, block: Block, i: int) -> None:
        """Take all looks before the one at which a listing has settled, then fold the listing."""
        at = block.at[:, i]
        look = self._settled(at)
        alive = self.running & ~self.over
        self._take_looks(np.flatnonzero(alive & (look > self.look)), self.look)
        dwelt = np.ceil((self.step_at + self.dwell_s[self.step]) / LOOK_S) * LOOK_S
        alive = self.running & ~self.over
        self._take_looks(np.flatnonzero(alive & (self.look < dwelt) & (dwelt < look)), dwelt)
        self.running &= ~(self.over & (at > self.look))
        self.running &= (look <= self.setting.days * DAY_S) | self.over
        # a listing that came before the last look went where the step before sent it
        step = np.where(at > self.step_at, self.step, self.step_before)
        self._route(block, i, self.shares[step])
        self.look = np.where(self.running & ~self.over, look, self.look)

    def _settled(self, at: Floats) -> Floats:
        """Return the times of the looks at which listings have settled."""
        looks: Floats = np.ceil((at + self.rules.settle_s) / LOOK_S) * LOOK_S
        return looks

    def _route(self, block: Block, i: int, share: Floats) -> None:
        """Fold what is known of a listing of each ramp that runs."""
        rows, rooms = np.arange(len(share)), range(ROOMS)
        ours = (block.bucket[:, i] < share * 100) & self.running
        compared = (ours | self.setting.shadow) & self.running
        self.listings += self.running
        self.answered += ours
        self.step_answered += ours
        self.harmed += ours & block.touched[:, i]
        looks = self._settled(block.at[:, i])
        for row in np.flatnonzero(compared):
            self.compared[row].append(float(looks[row]))
        bad, photos = block.bad[:, i], block.photos[:, i]
        value, observed = np.zeros(self.bets.ceiling.shape), np.zeros(self.bets.ceiling.shape, bool)
        ceiling = self.bets.ceiling.copy()
        column = self.bets.column
        for kind, name in enumerate(("error/*", "slow/*")):
            value[:, column[name]] = bad[:, 1, kind].astype(float) - bad[:, 0, kind]
            observed[:, column[name]] = compared
        for metric, counts in (
            ("disagreement", block.differ[:, i]), ("distance", block.distance[:, i])
        ):  # fmt: skip
            of_rooms = [column[f"{metric}/room{room}"] for room in rooms]
            value[:, of_rooms] = counts / np.maximum(photos, 1)
            observed[:, of_rooms] = (photos > 0) & compared[:, None]
            value[:, column[f"{metric}/*"]] = counts.sum(axis=1) / photos.sum(axis=1)
            observed[:, column[f"{metric}/*"]] = compared
        surer = block.shift[:, i].sum(axis=1) / photos.sum(axis=1)
        for name, side in SIDES.items():
            value[:, column[name]] = side * surer
            observed[:, column[name]] = compared
        ratio = self.rules.override.ceiling
        one, other = column["override/*"], column["assignment/*"]
        value[:, one] = value[:, other] = ours
        ceiling[:, one] = share * ratio / (share * ratio + 1 - share)
        ceiling[:, other] = share
        observed[:, one] = bad[rows, ours.astype(int), 2] & self.running
        observed[:, other] = self.running
        self.bets.add(value, ceiling, observed)

    def _take_looks(self, rows: Rows, times: Floats) -> None:
        """Decide about the ramps, at their times, of which something may be decided."""
        if not len(rows):
            return
        wrong, harm = self.rules.wrong_decisions, self.bets.e_harm(rows)
        may = harm >= _NEARLY / wrong.roll_back
        if not self.setting.stays:
            step = self.step[rows]
            passed = self.bets.e_shown(rows) >= _NEARLY / wrong.advance
            passed &= self.step_answered[rows] >= self.needed[step]
            passed &= times[rows] - self.step_at[rows] >= self.dwell_s[step]
            may |= passed & (harm * _NEARLY < wrong.suspect)
        for row in rows[may]:
            self._decide(int(row), float(times[row]))

    def _decide(self, row: int, now: float) -> None:
        compared, step = self.compared[row], int(self.step[row])
        evidence = Evidence(
            self.bets.streams(row), len(compared), step_answered=int(self.step_answered[row])
        )
        last_day = len(compared) - bisect_right(compared, now - DAY_S)
        verdict = judge(evidence, self.rules)
        made = decide_at(self.rules, verdict, step, now, float(self.step_at[row]), last_day)
        if made.kind == "roll_back" or (made.kind == "promote" and not self.setting.stays):
            self.outcomes[row].end, self.outcomes[row].why = made.kind, made.why
            self.over[row], self.look[row] = True, now
        elif made.kind == "advance" and not self.setting.stays:
            self.step_before[row], self.step[row] = step, made.step
            self.step_at[row], self.step_answered[row] = now, 0


def _fields(block: Block) -> tuple[Floats | Flags, ...]:
    return tuple(getattr(block, one.name) for one in fields(block))
