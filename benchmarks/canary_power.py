"""How often ramps err, and how soon they find what is wrong: shipped decisions, simulated traffic.

Per ramp: 1,000 listings a day by a day curve, 12 photos a listing in ten rooms, correlation within
a listing 0.3, a look every 10 s, the rules of registry/ramps. A listing is harmed if the challenger
answered it, and wrongly, slowly or not at all. Writes the tables of docs/canary.md.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from canary_fleet import Fleet
from canary_ramp import Outcome, Ramp, Setting
from canary_traffic import Version, World
from figures import Figures, parse
from tables import table

from registry.ramp.rules import RampRules, read_rules

PAGE = Path(__file__).resolve().parents[1] / "docs" / "canary.md"
MARKS = "<!-- canary_power -->", "<!-- /canary_power -->"
_TOGETHER = 100
CRASH, SLOW, OVERRIDES = "crash in 20 % of listings", "+300 ms", "overrides 5 % → 30 %"
DEFECTS = {
    CRASH: World(challenger=Version(error=0.2)),
    SLOW: World(challenger=Version(slow=1.0)),
    "one room of ten wrong": World(wrong_room=True),
}
FURTHER = {
    "every answer fails (abort, hang, NaN)": World(challenger=Version(error=1.0)),
    "crash on 2 % of photos": World(challenger=Version(error=1 - 0.98**12)),
    "+300 ms on 3 % of photos": World(challenger=Version(slow=1 - 0.97**12)),
    "wrong on dark photos, 12 % of all": World(wrong=0.12),
    "confidence always .99, labels right": World(sure=0.12),
    "confidence always .99 where the champion is nearly sure": World(sure=0.027),
    OVERRIDES: World(challenger=Version(override=0.3)),
}
ERRORS = "errors 1 % → 3 %"
MORE_ERRORS = World(champion=Version(error=0.01), challenger=Version(error=0.03))
ALL = {**DEFECTS, **FURTHER, ERRORS: MORE_ERRORS}
AT_CEILINGS = World(Version(error=0.0, slow=0.0), Version(error=0.01, slow=0.1))
BETTER = World(differ=0.15)


def some_ramps(setting: Setting, rules: RampRules, seeds: Sequence[int]) -> list[Outcome]:
    """Run ramps; the function of a process."""
    if setting.every_look:
        return [Ramp(setting, rules, seed).run() for seed in seeds]
    return Fleet(setting, rules, seeds).run()


@dataclass(frozen=True)
class Runner:
    """Runs many ramps of one setting."""

    pool: Executor
    rules: RampRules
    quick: bool

    def run(self, setting: Setting, count: int) -> list[Outcome]:
        """Return how that many ramps end, a fiftieth of them in a quick run."""
        seeds = range(max(count // 50, 4) if self.quick else count)
        parts = [seeds[at : at + _TOGETHER] for at in range(0, len(seeds), _TOGETHER)]
        ended = self.pool.map(partial(some_ramps, setting, self.rules), parts)
        return [one for part in ended for one in part]

    def step(self, weight: float) -> int:
        """Return the index of the step with a weight."""
        return [step.weight for step in self.rules.steps].index(weight)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=1, help="%(default)s")
    asked = parse(__doc__, parser)
    figures = Figures()
    with ProcessPoolExecutor(asked.processes) as pool:
        runner = Runner(pool, read_rules("simulated"), asked.quick)
        show_defects(runner, figures)
        show_errors(runner, figures)
        show_no_traffic(runner, figures)
        show_mirrored(runner, figures)
        rows = list(listings_needed(runner))
        figures.say("\n".join(table(list(rows[0]), rows)))
        show_at_ceilings(runner, figures)
        sound = show_sound(runner, figures)
    figures.say("\n".join(table(list(sound[0]), sound)))
    if not asked.quick:
        write(rows, sound)
    figures.print()


def show_defects(runner: Runner, figures: Figures) -> None:
    """Defects that must always be found, in shadow and, without one, before many are harmed."""
    for name, world in DEFECTS.items():
        for shadow in (True, False):
            setting = Setting(world, shadow=shadow, first_step=0 if shadow else 1)
            ended = runner.run(setting, 500)
            figures.say(f"{name}, {'with' if shadow else 'without'} shadow: {len(ended)} ramps")
            key = f"canary.{_key(name)}.{'shadow' if shadow else 'no_shadow'}"
            figures.add(f"{key}.found", _share(ended, "roll_back"))
            figures.add(f"{key}.harmed_median", np.median([one.harmed for one in ended]))
            figures.add(f"{key}.harmed_p95", np.quantile([one.harmed for one in ended], 0.95))


def show_errors(runner: Runner, figures: Figures) -> None:
    """Thrice the errors, which are rare all the same."""
    ended = runner.run(Setting(MORE_ERRORS), 500)
    half = runner.step(50)
    early = [one.end == "roll_back" and one.step < half for one in ended]
    figures.say(f"{ERRORS}: {len(ended)} ramps")
    figures.add("canary.errors.found_before_half", np.mean(early))
    figures.add("canary.errors.listings_median", np.median([one.listings for one in ended]))


def show_no_traffic(runner: Runner, figures: Figures) -> None:
    """No listings and few: every look of 30 days is taken."""
    for per_day in (0, 5):
        setting = Setting(World(), per_day, days=30.0, every_look=True)
        ended = runner.run(setting, 10)
        figures.say(f"{per_day} listings a day for 30 days: {len(ended)} ramps")
        key = f"canary.per_day_{per_day}"
        figures.add(f"{key}.advanced", sum(one.step > 0 for one in ended))
        figures.add(f"{key}.rolled_back", sum(one.end == "roll_back" for one in ended))
        figures.add(f"{key}.alerted", np.mean([bool(one.alerts) for one in ended]))


def show_mirrored(runner: Runner, figures: Figures) -> None:
    """With the versions in each other's place what was rolled back is promoted."""
    for name in (CRASH, SLOW, OVERRIDES):
        ended = [runner.run(Setting(world), 60) for world in (ALL[name], ALL[name].swapped())]
        figures.say(f"{name}, as it is and swapped: {len(ended[0])} ramps each")
        figures.add(f"canary.mirrored.{_key(name)}.rolled_back", _share(ended[0], "roll_back"))
        figures.add(f"canary.mirrored.{_key(name)}.promoted", _share(ended[1], "promote"))


def show_at_ceilings(runner: Runner, figures: Figures) -> None:
    """As bad as is allowed, to the point: neither rolled back nor let through but by chance."""
    ended = runner.run(Setting(AT_CEILINGS, days=4.0), 500)
    figures.say(f"errors and slow answers at their ceilings for 4 days: {len(ended)} ramps")
    figures.add("canary.at_ceilings.rolled_back", _share(ended, "roll_back"))
    figures.add("canary.at_ceilings.advanced", np.mean([one.step > 0 for one in ended]))


def show_sound(runner: Runner, figures: Figures) -> list[Mapping[str, object]]:
    """Equally good versions, and one that differs much because it is better; how long they take."""
    rows: list[Mapping[str, object]] = []
    for name, world, count in (("identical", World(), 2000), ("better", BETTER, 100)):
        ended = runner.run(Setting(world), count)
        figures.say(f"{name} challengers: {len(ended)} ramps")
        back = [one for one in ended if one.end == "roll_back"]
        figures.add(f"canary.{name}.rolled_back", len(back))
        figures.add(f"canary.{name}.reach_all", _share(ended, "promote"))
        for one in back:
            figures.say(f"    at step {one.step}: {one.why}")
        listings = [one.listings for one in ended if one.end == "promote"]
        middle, late = np.quantile(listings, (0.5, 0.95))
        figures.add(f"canary.{name}.listings_p95", late)
        days = np.median([one.days for one in ended])
        words = {"identical": "equally good, differs on 4 % of photos", "better": "differs on 15 %"}
        rows.append(
            {
                "challenger": words[name], "ramps": len(ended), "rolled back": len(back),
                "champion at last": f"{_share(ended, 'promote'):.1%}",
                "listings, median (95 %)": f"{middle:.0f} ({late:.0f})", "days": f"{days:.1f}",
            }
        )  # fmt: skip
    return rows


def listings_needed(runner: Runner) -> Iterator[Mapping[str, object]]:
    """Yield a row for each defect: listings until it is rolled back, at each step."""
    for name, world in ALL.items():
        row: dict[str, object] = {"defect": name}
        for weight in (0, 1, 5, 25, 50):
            of_step = Setting(world, shadow=weight == 0, first_step=runner.step(weight), stays=True)
            heading = f"{weight} %, no shadow" if weight else "shadow"
            # people override what they were given, and thousands of listings take their time
            never = name == OVERRIDES and weight == 0
            skipped = name == ERRORS and 0 < weight < 25
            row[heading] = "–" if never else "not measured" if skipped else _needed(runner, of_step)
        yield row


def _needed(runner: Runner, setting: Setting) -> str:
    ended = runner.run(setting, 40)
    found = [one for one in ended if one.end == "roll_back"]
    if len(found) * 2 < len(ended):
        return f"> {np.median([one.listings for one in ended]):.0f}"
    listings, answered, harmed = (
        f"{np.median([getattr(one, name) for one in ended]):.0f}"
        for name in ("listings", "answered", "harmed")
    )
    return listings if setting.shadow else f"{listings} / {answered} / {harmed}"


def _share(ended: Sequence[Outcome], end: str) -> float:
    return float(np.mean([one.end == end for one in ended]))


def _key(name: str) -> str:
    return {CRASH: "crash", SLOW: "slow", OVERRIDES: "overrides"}.get(name, "one_room")


def write(rows: Sequence[Mapping[str, object]], sound: Sequence[Mapping[str, object]]) -> None:
    """Put the tables between the marks of docs/canary.md, if it has them."""
    text = PAGE.read_text() if PAGE.exists() else ""
    if all(mark in text for mark in MARKS):
        before, rest = text.split(MARKS[0], 1)
        lines = [MARKS[0], "", *table(list(rows[0]), rows), "", *table(list(sound[0]), sound), ""]
        PAGE.write_text(before + "\n".join(lines) + "\n" + rest[rest.index(MARKS[1]) :])


if __name__ == "__main__":
    main()
