"""A customer's answer to a question is read as an engineer would."""

from __future__ import annotations

import pytest

from agent.dialogue.replies import Reply, load_replies

pytestmark = pytest.mark.unit


SAID: dict[Reply | None, str] = {
    "yes": "是的/能听到/有的/好了/嗯，可以/呃，好像能/有改善/声音没了/看得见/会/没问题/对，都是"
    "/yes/Yes, they can/yep, it's better now/it does/it's gone/right/Of course",
    "no": "不是/没有/对方听不到/还是不行/没好/别的网络也不行/看不见/不会/有人听不到"
    "/no/nope/it's still there/not really/it doesn't move/nobody does/No, I can't",
    "same": "和之前一样/没什么，还是老样子/no difference/nope, same as before",
    "unknown": "不知道/我不太清楚/说不准/I'm not sure/I don't know/no idea",
    "wait": "等一下/好的，我试试/稍等，我去看看/好的/hold on/okay/wait, let me try/OK, I'll check",
    None: "只在WiFi下/安卓的/on the second floor/晚上八点/Chrome 120",
}


def test_replies_are_told_apart() -> None:
    read = load_replies().read
    told = {one: reply for reply, said in SAID.items() for one in said.split("/")}
    assert {one: read(one) for one in told} == told
