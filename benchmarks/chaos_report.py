"""What a chaos run has shown, as rows."""

import statistics
from dataclasses import dataclass

from chaos_house import SAMPLE_S, Held, House, Watcher
from report import Row

CLOSED = ("completed", "failed")
RECOVER_S = 30.0
"""D-REL-03: a part is back in so many seconds."""

MEMORY_RATIO, COUNT_RATIO = 1.3, 1.1
"""At the end by that of the start: a new life of main holds other caches; pools of threads grow to
their limit with the first work."""

MONTH_S = 30 * 86_400.0
NEVER = 9999.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault, and after how many seconds all was well again; ``None``: it was not."""

    kind: str
    recovered_s: float | None


def fault_rows(outcomes: list[Outcome]) -> list[Row]:
    """The sums, and two rows for each kind."""
    rows = []
    for kind in sorted({one.kind for one in outcomes}):
        mine = [one.recovered_s for one in outcomes if one.kind == kind]
        took = [each for each in mine if each is not None]
        worst = max(took) if len(took) == len(mine) else NEVER
        rows.append(Row(f"{kind}: injected", len(mine), "faults", None, f"{len(took)} recovered"))
        rows.append(Row(f"{kind}: most to recovery", worst, "s", RECOVER_S))
    recovered = [one.recovered_s for one in outcomes if one.recovered_s is not None]
    return [
        Row("faults injected", len(outcomes), "faults"),
        Row("faults recovered", len(recovered), "faults", len(outcomes), "at least"),
        Row("recovery, median", statistics.median(recovered or [NEVER]), "s"),
        Row("recovery, most", max(recovered, default=NEVER), "s", RECOVER_S, "at most"),
        *rows,
    ]


def loss_rows(house: House) -> list[Row]:
    """Presses and events, after the program has ended."""
    accepted = house.accepted()
    unheard = sorted(accepted.keys() - house.heard())
    without = sorted(accepted.keys() - house.in_events())
    states = house.records.events()
    still_open = [key for key, state in states.items() if state not in CLOSED]
    for what, found in (("not heard", unheard), ("in no event", without), ("open", still_open)):
        if found:
            print(f"{what}: {', '.join(found[:5])}", flush=True)
    reasons = house.records.reasons() if still_open else {}
    print(*(f"{key} is {states[key]} {reasons[key]}" for key in still_open[:5]), sep="\n")
    return [
        Row("presses accepted", len(accepted), "presses"),
        Row("presses that nobody heard", len(unheard), "presses", 0),
        Row("presses in no event", len(without), "presses", 0),
        Row("events", len(states), "events"),
        Row("events neither completed nor failed", len(still_open), "events", 0),
    ]


def availability_rows(house: House, watcher: Watcher, outcomes: list[Outcome]) -> list[Row]:
    """D-REL-01 and D-REL-02; nothing but faults happens here, so both are the worst case."""
    looks = max(watcher.looks, 1)
    down_s = SAMPLE_S * (looks - watcher.up["whole"])
    kills = sum(one.kind == "main killed" for one in outcomes)
    handled = watcher.delivered + watcher.failed
    rows = [
        Row("availability of the whole", 100 * watcher.up["whole"] / looks, "%"),
        *(
            Row(f"availability of {name}", 100 * watcher.up[name] / looks, "%")
            for name in house.cameras
        ),
        Row("messages whose handler failed", 100 * watcher.failed / max(handled, 1), "%", 1.0),
    ]
    if kills and down_s:
        a_month = 0.001 * MONTH_S / (down_s / kills)
        note = "kills of main a month; D-REL-01"
        rows.append(
            Row("the whole is there 99.9 % of the time up to", a_month, "kills", None, note)
        )
    return rows


def held_rows(before: Held, after: Held) -> list[Row]:
    """What all processes hold, at the start and at the end."""
    ratio = after.memory_mb / before.memory_mb
    rows = [Row("memory at the end by that of the start", ratio, "ratio", MEMORY_RATIO, "PSS")]
    for name, most in (("processes", 1.0), ("descriptors", COUNT_RATIO), ("threads", COUNT_RATIO)):
        at_start, at_end = getattr(before, name), getattr(after, name)
        rows.append(Row(f"{name} at the start", at_start, name))
        rows.append(Row(f"{name} at the end", at_end, name, round(at_start * most)))
    return rows
