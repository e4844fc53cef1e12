"""Text from outside on its way to a language model: what in it speaks to the model, not to people.

Text in; out comes a description of each suspicious part, or the text without what nobody can see.
The patterns want an order *and* its object: support text says "ignore the warning", 系统提示音 and
"the system prompt of your agent" every day. They take text of strangers, so none may backtrack:
alternatives that repeat never begin alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

#: A finding quotes no more than this of the text, in characters.
_QUOTED: Final = 60

#: Characters that show nothing but change what is read. Emoji are joined and coloured by two of
#: them, which are let pass there.
_EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff"
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]"
    f"|(?<![{_EMOJI}\ufe0f])\u200d|(?<![{_EMOJI}\u200d#*0-9])\ufe0f"
)
_INVISIBLE = re.compile(f"{_HIDDEN.pattern}|[\u200d\ufe0f]")

_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "an instruction to an assistant": (
        r"\b(?:ignor\w+|disregard\w*|forget|override|overrule|bypass)\s+"
        r"(?:(?:of|the|my|and|or|every|other|these|those)\s+)*"
        r"(?:(?:all|any|your|previous|prior|above|earlier|preceding|foregoing|original|initial"
        r"|system|safety|developer)\s+)"
        r"(?:(?:of|the|my|your|and|or|all|any|other|these|those|previous|prior|above|earlier"
        r"|preceding|original|initial|system|safety|developer)\s+)*"
        r"(?:instructions?|prompts?|guidelines?|directives?|rules|training|programming)\b",
        r"\b(?:ignore|disregard|forget)\s+(?:the\s+)?(?:instructions|prompts?)\s+(?:above|before)\b",
        r"\b(?:ignore|disregard|forget)\s+(?:all|everything)\s+(?:of\s+)?(?:the\s+)?"
        r"(?:above|before|so far|you (?:were|have been) told|(?:that )?i (?:have )?(?:said|told))",
        r"\byou(?:'re|\s+are)\s+now\s+(?:an?|my|the|in)\s+(?:[\w-]+\s+){0,3}?"
        r"(?:assistant|chatbot|ai|language model|dan|developer mode)\b",
        r"\bfrom\s+now\s+on,?\s+(?:you\s+(?:will\s+|must\s+|should\s+|shall\s+)?)?"
        r"(?:act|behave|pretend|speak|respond|answer|reply|are\s+(?:an?|my|no\s+longer))\b",
        r"\bact\s+as\s+(?:an?|my)\s+(?:[\w-]+\s+){0,2}?"
        r"(?:assistant|chatbot|ai|language model|hacker|jailbroken\b.*|unrestricted\b.*)\b",
        r"\bpretend\s+(?:that\s+)?you(?:'re|\s+are)\b",
        r"\b(?:your|the)\s+(?:new|real|true)\s+(?:instructions?|task|goal|role)\s+(?:is|are)\b",
        r"\bdo\s+not\s+follow\s+(?:your|any|the\s+(?:previous|above))\s+(?:\w+\s+)?"
        r"(?:instructions|rules|guidelines)\b",
        r"(?:忽略|无视|忘记|忘掉|忘了|不要理会|不用理会|不再遵守|不要遵守|不用遵守|抛开|跳出)"
        r"(?:的|其他|那些|这些)*"
        r"(?:之前|以上|上面|上述|前面|先前|此前|前述|所有|全部|一切|任何|系统|原来|原有|[您你])"
        r"(?:之前|以上|上面|上述|前面|先前|此前|前述|所有|全部|一切|任何|系统|原来|原有|[您你]"
        r"|的|其他|那些|这些|收到|被|安全)*"
        r"(?:指令|指示|提示词|设定|规则|要求|限制|约束|命令|内容|对话)",
        r"[您你](?:现在|从现在起|从现在开始)(?:就)?是(?:一[个名位]|我的|[个名位])?"
        r"[^，。！？；\n]{0,12}?(?:助手|助理|机器人|人工智能|语言模型|开发者模式|黑客|专家|AI)",
        r"从现在(?:起|开始)[，,]?\s*[您你](?:就)?(?:是|叫|扮演|充当|只能回答|只回答|必须回答)",
        r"(?:假装|假设|想象)[您你](?:自己)?(?:就)?是",
        r"(?:请[您你]?|[您你](?:来|要|将|现在)?)扮演",
        r"[您你]的(?:新|真正|真实)的?(?:指令|任务|身份|角色)(?:是|为)",
    ),
    "a request for the prompt": (
        r"\b(?:reveal|show|print|repeat|output|display|tell|give|leak|disclose|recite|share)\s+"
        r"(?:(?:me|us|to|the|all|of|out|entire|full|whole|exact|complete|verbatim)\s+)*"
        r"(?:your|(?:the\s+)?(?:hidden|secret|initial|original|system|developer))\s+"
        r"(?:(?:full|entire|hidden|secret|initial|original|system|developer)\s+)*"
        r"(?:prompts?|instructions?|message)\b",
        r"\bwhat\s+(?:is|are|were)\s+your\s+"
        r"(?:(?:hidden|secret|initial|original|exact|full|system)\s+)*(?:prompt|instructions)\b",
        r"\b(?:repeat|print|output)\s+(?:everything|all|the\s+(?:text|words))\s+above\b",
        r"(?:输出|告诉我|说出|显示|打印|泄露|透露|重复|复述|公开|念出|背出|给我看)"
        r"(?:一下|一遍)?(?:[您你]|全部|完整|所有|隐藏|初始|内部|系统|的)+"
        r"(?:提示词|系统提示(?!音)|指令|设定|prompt)",
        r"(?:把|将)[您你]的(?:系统|初始|完整|全部|隐藏)*的?(?:提示词|指令|设定|prompt)"
        r"[^，。！？；\n]{0,6}(?:说|输出|告诉|打印|念|发|复述|重复)",
        r"[您你]的(?:系统提示(?!音)词?|提示词|初始指令)(?:是什么|有哪些|是啥|内容)",
    ),
    "a call of a tool": (
        r"</?(?:tool_calls?|function_calls?|invoke|tool_response)\b",
        r"[\"'](?:tool_calls?|function_call)[\"']\s*:",
        r"\b(?:call|invoke|use|run|execute|trigger)\s+(?:the\s+)?"
        r"(?:(?:tool|function)\s+[\"'`]?[a-z]+(?:_[a-z]+)+|[\"'`]?[a-z]+(?:_[a-z]+)+[\"'`]?\s+tool)\b",
        r"\b(?:call|invoke|use|run|execute)\s+your\s+(?:tools?|functions?)\b",
        r"(?:调用|执行|运行|使用)(?:[您你]的(?:工具|函数)"
        r"|(?:工具|函数)\s*[a-z]+(?:_[a-z]+)+|\s*[a-z]+(?:_[a-z]+)+\s*(?:工具|函数))",
    ),
    "a role marker": (
        r"^[ \t>*#]*(?:system|assistant|developer)[ \t*]*:"
        r"(?![ \t]*(?:windows|mac|android|ios|linux|ubuntu|harmony))",
        r"^[ \t>*#]*系统(?:提示词|指令)?[ \t]*[:：][ \t]*[您你]",
        r"\bsystem prompt\s*:",
        r"<\|[a-z_]+\|>",
        r"\[/?INST\]",
        r"<</?SYS>>",
        r"<(?:start|end)_of_turn>",
        r"</?(?:system|assistant|instructions?|system_prompt)>",
        r"^#{2,}[ \t]*(?:system|assistant|(?:new )?instructions?(?: to the (?:assistant|model))?)"
        r"[ \t]*:?[ \t]*$",
    ),
}
_PATTERNS: Final = {
    kind: re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)
    for kind, patterns in _KINDS.items()
}
_SENTENCE = re.compile(r"[^。！？!?.\n]+(?:[。！？!?.\n]+|$)")
#: Long enough to hold a sentence.
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{48,}={0,2}")


def suspicions(text: str) -> tuple[str, ...]:
    """What in ``text`` addresses a language model, each as one phrase; empty where nothing does."""
    return tuple(dict.fromkeys((*_hidden(text), *_orders(neutralised(text)))))


def neutralised(text: str) -> str:
    """``text`` without invisible characters, and with look-alikes of letters and digits as such.

    Punctuation, also of full width, stays as it is written.
    """
    seen = re.sub("[\u2028\u2029\u0085]", "\n", text)
    seen = unicodedata.normalize("NFC", _INVISIBLE.sub("", seen))
    return "".join(map(_plain, seen))


def without_orders(text: str) -> str:
    """``text`` without the sentences that address a language model."""
    return "".join(s for s in _SENTENCE.findall(text) if not any(_orders(s))).strip()


def _plain(character: str) -> str:
    """A for Ａ and 𝐀, anything else unchanged."""
    if character.isascii() or unicodedata.category(character) not in ("Ll", "Lu", "Nd"):
        return character
    folded = unicodedata.normalize("NFKC", character)
    return folded if folded.isascii() else character


def _hidden(text: str) -> Iterator[str]:
    for character in sorted(set(_HIDDEN.findall(text))):
        yield f"a hidden character (U+{ord(character):04X})"


def _orders(text: str) -> Iterator[str]:
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            yield f"{kind}: “{_shortened(match[0])}”"
    for encoded in _ENCODED.findall(text):
        if any(map(_is_random, re.split("[+/_-]", encoded))):
            yield f"a long encoded text: “{_shortened(encoded)}”"


def _is_random(part: str) -> bool:
    """Neither a word of a path, which is short, nor a digest, which has no capitals."""
    sorts = ("[a-z]", "[A-Z]", "[0-9]")
    return len(part) >= 20 and all(re.search(sort, part) for sort in sorts)


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
