"""The scenarios of `make eval-dialogue`: ours can be read, and what one says is in the database."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.service.database import Database
from agent.service.quality.tables import IncidentSeen
from agent.service.quality.targets import DEFAULT_TARGETS
from agent.service.support import default_support
from common.errors import InputError
from eval.dialogue.bench import details_of, summarise
from eval.dialogue.evidence import Fault
from eval.dialogue.kept import Kept, changes, read_kept
from eval.dialogue.scenario import SCENARIOS, Scenario, read_scenarios
from eval.dialogue.stage import Run
from eval.dialogue.talk import Transcript
from eval.dialogue.world import World, begin_call

pytestmark = pytest.mark.unit

NOW = datetime.now(UTC)
ONE = """
language = "en"
flow = "figures"
goal = "Asks."
[[before.accounts]]
id = "acme"
name = "Acme"
contacts = [{ id = "ann", name = "Ann", language = "en" }]
facts = { scale = "9", launch_date = "{iso+3}" }
[[before.quality]]
region = "sea"
since_h = 30
stall_rate = 0.04
latency_ms = 700
[[before.elsewhere]]
region = "sea"
since_h = 1
latency_ms = 650
[[before.tickets]]
severity = 2
subject = "It is slow."
hours_ago = 5
[caller]
account = "acme"
contact = "ann"
begins = ["Our launch is on {day+3}."]
"""


def read(folder: Path, text: str) -> Scenario:
    (folder / "one.toml").write_text(text, "utf-8")
    (scenario,) = read_scenarios(folder, datetime(2026, 12, 30, tzinfo=UTC))
    return scenario


def test_ours_are_many_and_half_in_mandarin() -> None:
    scenarios = read_scenarios(SCENARIOS, NOW)
    assert len(scenarios) >= 80
    languages = Counter(one.language for one in scenarios)
    assert languages["zh"] == languages["en"]
    assert len({one.flow for one in scenarios}) == 7
    assert sum(one.voice for one in scenarios) == 24
    assert all(one.name.startswith(f"{one.language}/{one.flow}-") for one in scenarios)


def test_days_move_with_the_calendar(tmp_path: Path) -> None:
    scenario = read(tmp_path, ONE)
    assert scenario.caller.begins == ["Our launch is on January 2, 2027."]
    assert scenario.before.accounts[0].facts["launch_date"] == "2027-01-02"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('flow = "figures"', 'flow = "chat"'), "flow: "),
        (('begins = ["', 'begin = ["'), "caller.begins: "),
        (("since_h = 30", "since_h = -1"), "before.quality.0.since_h: "),
        (('contact = "ann"', 'contact = "eve"'), "'eve' is nobody of account 'acme'"),
        (("[caller]", "[caller.slots]\nshoes = ['9']\n[caller]"), "there is no slot 'shoes'"),
        (("[caller]", "[expected]\nnever = ['(']\n[caller]"), "expected.never.0: "),
        (("[caller]", "[caller"), "no scenario: "),
    ],
)
def test_what_is_wrong_names_file_and_field(
    tmp_path: Path, change: tuple[str, str], problem: str
) -> None:
    with pytest.raises(InputError, match=r"one\.toml") as caught:
        read(tmp_path, ONE.replace(*change))
    assert problem in caught.value.message


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=tmp_path.name):
        read_scenarios(tmp_path, NOW)


async def test_what_a_scenario_says_is_in_the_database(tmp_path: Path, database_url: str) -> None:
    scenario, support = read(tmp_path, ONE), default_support()
    database = Database(database_url)
    await World(database, support, DEFAULT_TARGETS).fill(scenario, NOW)
    call_id, principal = await begin_call(database, scenario, NOW)
    kept = await read_kept(database, "acme", support.policy, NOW)
    assert (principal.account, principal.contact) == ("acme", "ann")
    assert {row["field"] for row in kept.rows("account_facts")} == {"scale", "launch_date"}
    assert [row["id"] for row in kept.rows("calls")] == [call_id]
    stalls = {(m.region, m.of, m.hours): m.value for m in kept.measured if m.metric == "stall_rate"}
    assert stalls["sea", "own", 24] == pytest.approx(0.04)
    assert ("sea", "others", 24) not in stalls
    late = {(m.region, m.of, m.hours): m.value for m in kept.measured if m.metric == "latency_ms"}
    assert late["sea", "others", 2] == pytest.approx(650)
    async with database.transaction() as session:
        (incident,) = await session.scalars(select(IncidentSeen))
    assert {"acme", "other-0"} <= set(incident.accounts)
    assert {row["account"] for row in kept.rows("tickets")} == {"acme", "@operator"}
    assert changes(kept, await read_kept(database, "acme", support.policy, NOW)) == []
    await database.aclose()


def test_changes_are_what_came_what_went_and_what_is_another() -> None:
    before = Kept({"tickets": [{"number": 1, "status": "open"}, {"number": 2, "status": "open"}]})
    after = Kept({"tickets": [{"number": 1, "status": "done"}, {"number": 3, "status": "open"}]})
    found = [(c.row["number"], c.before is None, c.now is None) for c in changes(before, after)]
    assert found == [(1, False, False), (2, False, True), (3, True, False)]


def test_scores_count_runs_and_scenarios(tmp_path: Path) -> None:
    scenario = read(tmp_path, ONE)
    other = scenario.model_copy(update={"name": "other", "language": "zh"})
    fault = [Fault("said", "nothing is said of it")]
    wrong: list[tuple[Scenario, int, list[Fault]]] = [
        *((scenario, number, []) for number in range(3)),
        *((other, number, fault if number == 1 else []) for number in range(3)),
    ]
    heard = Transcript("", (), is_over=True)
    runs = [Run(one, number, heard, faults, 1.0) for one, number, faults in wrong]
    result = summarise({"text": runs, "without_model": runs[:3]})
    assert (result["scenarios"], result["pass_at_1"], result["pass_hat_3"]) == (2, 0.833, 0.5)
    assert result["by_language"]["en"]["pass_hat_3"] == 1.0
    assert result["by_language"]["zh"]["pass_hat_3"] == 0.0
    assert result["without_model"]["scenarios"] == 1
    assert result["voice"] is None
    (failure,) = details_of({"text": runs})["failures"]
    assert failure["wrong"] == "said: nothing is said of it"
