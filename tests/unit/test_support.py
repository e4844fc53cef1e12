"""What an operator's file says of support is done; what it cannot mean is named, with where."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.host.doctor import CHECKS
from agent.service.outbox.forms import Destination
from agent.service.outbox.mail import Mailbox
from agent.service.paging.rota import on_call
from agent.service.support import read_support
from agent.service.tickets.business_time import worked
from agent.service.tickets.sla import Event, clocks
from agent.settings import Settings
from common.errors import SetupError
from common.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

EXAMPLE = PROJECT_ROOT / "support.example.toml"
SECRETS = (
    *("LIN_FEISHU_URL", "LIN_FEISHU_SECRET", "EMMA_SLACK_URL", "OPS_DINGTALK_URL"),
    *("OPS_DINGTALK_SECRET", "OPS_MAIL_USER", "OPS_MAIL_PASSWORD", "MONDAY_SECRET"),
)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: A Monday: ten in the morning in Shanghai, three in the night in Berlin.
T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, f"https://example.com/{name}")


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "support.toml"
    file.write_text(text, "utf-8")
    return file


@pytest.mark.usefixtures("secrets")
def test_the_example_is_read_as_it_says() -> None:
    support = read_support(EXAMPLE)
    assert not support.unset
    lin, ops = support.destinations["lin-phone"], support.destinations["ops-mail"]
    assert isinstance(lin, Destination) and isinstance(ops, Mailbox)
    assert lin.form == "feishu" and lin.url.get_secret_value().endswith("LIN_FEISHU_URL")
    assert (ops.port, ops.tls, ops.to) == (465, "tls", "ops@example.com")
    assert ops.password.get_secret_value().endswith("OPS_MAIL_PASSWORD")
    assert [one.name for one in on_call(support.rota, 1, "en", T0)] == ["林晓", "night desk"]
    in_berlin = T0 + 8 * HOUR  # eleven there, seven in the evening in Shanghai
    assert [one.name for one in on_call(support.rota, 2, "en", in_berlin)] == ["Emma"]
    assert (support.patience, support.call_back_within) == (5 * MINUTE, 120 * MINUTE)
    assert list(support.alarms) == ["ops-chat", "ops-mail"]
    assert support.policy[2]["human response"].amount == 30 * MINUTE
    assert "next response" not in support.policy[4] and "word" in support.policy[4]
    assert support.summaries_by == "ops-mail" and support.mails_summaries
    assert support.may_mail("wang@acme.example") and not support.may_mail("wang@acme")
    assert not support.may_mail("Press@Example.com") and not support.may_mail("a@mail.example.com")
    assert next(iter(support.retention.offers)) == "credit"
    assert support.retention.offers["credit"].plans == {"pro", "enterprise"}
    assert worked(support.hours, T0, T0 + 4 * HOUR) == 3 * HOUR  # with the break at noon


def test_without_a_file_nobody_is_on_call_and_the_clocks_run(tmp_path: Path) -> None:
    support = read_support(tmp_path / "support.toml")
    assert not support.rota and not support.destinations and not support.alarms
    night = datetime(2026, 11, 28, 18, tzinfo=UTC)  # a Sunday, two in the morning in Shanghai

    def due(severity: int) -> dict[str, timedelta]:
        opened = Event(night, "opened", "customer", severity)
        states = clocks([opened], support.policy, night)
        return {state.clock: state.due_at - night for state in states if state.due_at}

    assert due(1)["human response"] == 15 * MINUTE
    assert due(1)["restoration"] == 2 * HOUR
    assert due(2)["human response"] == 32 * HOUR  # on Monday at ten
    assert all(due(severity)["word"] == 24 * HOUR for severity in (1, 2, 3, 4))


def test_a_destination_without_its_secret_is_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, secrets: None
) -> None:
    monkeypatch.delenv("LIN_FEISHU_SECRET")
    support = read_support(EXAMPLE)
    assert support.unset == {"lin-phone": ["LIN_FEISHU_SECRET"]}
    assert "lin-phone" not in support.destinations
    assert "林晓" in [one.name for one in support.rota]  # called all the same, and then the next


CHAT = '[destinations.ops]\nform = "slack"\n'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("rota = [", "support.toml is"),
        ('language = "fr"', "language"),
        ("patience = 3", "patience"),
        ('alarms = ["ops"]', "alarms"),
        ('[hours.work]\nzone = "Mars"\nmonday = ["09:00-18:00"]', "[hours.work]"),
        ('[hours.work]\nzone = "Europe"\nmonday = ["09:00-18:00"]', "[hours.work]"),
        ('[hours.work]\nzone = "UTC"\nmonday = ["9-18"]', "[hours.work] monday 0"),
        ('[hours.work]\nzone = "UTC"\nmonday = ["18:00-09:00"]', "[hours.work]"),
        ('[hours.work]\nzone = "UTC"', "[hours.work]"),
        (
            "call_back_within_minutes = 500000\n"
            + '[hours.work]\nzone = "UTC"\nmonday = ["09:00-10:00"]',
            "call_back_within_minutes",
        ),
        (
            '[targets.2]\nword = { minutes = 500000, hours = "rare" }\n'
            + '[hours.rare]\nzone = "UTC"\nmonday = ["09:00-10:00"]',
            "[targets.2] word",
        ),
        ('[hours.always]\nzone = "UTC"\nmonday = ["00:00-24:00"]', "[hours.always]"),
        (f'{CHAT}url = "https://hooks.example/very-secret"', "[destinations.ops] url"),
        (CHAT, "[destinations.ops] url_env"),
        ('[destinations.ops]\nform = "webhook"\nurl = "very-secret"', "[destinations.ops]"),
        ('[destinations.ops]\nform = "pigeon"', "[destinations.ops]"),
        ('[[rota]]\nname = "lin"\ndestination = "ops"', "[[rota]] 1"),
        (f'{CHAT}url_env = "X"\n[[rota]]\ndestination = "ops"', "[[rota]] 1 name"),
        (
            f'{CHAT}url_env = "X"\n'
            + '[[rota]]\nname = "lin"\ndestination = "ops"\nseverities = [5]\n',
            "[[rota]] 1 severities",
        ),
        (
            f'{CHAT}url_env = "X"\n' + '[[rota]]\nname = "lin"\ndestination = "ops"\n' * 2,
            "[[rota]] 2",
        ),
        ('[targets.5]\nword = "none"', "[targets.5]"),
        ('[targets.1]\nwords = "none"', "[targets.1] words"),
        ("[targets.1]\nword = { minutes = 0 }", "[targets.1] word"),
        ('[summary]\ndestination = "ops"', "[summary] destination"),
        (f'{CHAT}url_env = "X"\n[summary]\ndestination = "ops"', "no destination of form mail"),
        ("[summary]", "[summary] destination"),
        (
            '[retention.offers.credit]\nsignals = ["price"]\nzh = "减免"',
            "[retention.offers.credit] en",
        ),
        (
            '[retention.offers.credit]\nsignals = ["rain"]\nzh = "减免"\nen = "off"',
            "[retention.offers.credit] signals",
        ),
        ("[retention.outreach]\nthreshold = 0", "[retention.outreach] threshold"),
        ("[retention.outreach.weights]\nrain = 1", "[retention.outreach] weights rain"),
        ('[targets.1]\nword = { minutes = 5, hours = "tea" }', "[targets.1] word"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_table(
    tmp_path: Path, text: str, place: str
) -> None:
    with pytest.raises(SetupError) as raised:
        read_support(written(tmp_path, text))
    assert place in raised.value.message and "support.toml" in raised.value.message
    assert "support.example.toml" in raised.value.remedy
    assert "very-secret" not in str(raised.value)


async def test_the_doctor_tells_who_is_called_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIUKE_SUPPORT_FILE", str(tmp_path / "support.toml"))

    async def found() -> tuple[str, str]:
        finding = await CHECKS["on-call"](Settings())
        return finding.status, finding.detail

    assert await found() == ("warning", "Nobody for severity 1, 2, 3, 4 now.")
    hook = '[destinations.hook]\nform = "webhook"\nurl = "http://127.0.0.1:9/"\n'
    on_duty = '[[rota]]\nname = "lin"\ndestination = "hook"\n'
    written(tmp_path, hook + on_duty)
    assert await found() == ("ok", "By severity now, 1: lin; 2: lin; 3: lin; 4: lin.")
    written(tmp_path, hook + 'secret_env = "NOWHERE_SET"\n' + on_duty)
    status, detail = await found()
    assert status == "warning" and "hook: NOWHERE_SET" in detail
