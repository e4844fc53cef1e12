#!/usr/bin/env bash
# WeText 0.1.8, inverse text normalisation (spoken numbers to digits), Mandarin.
#
# Its option `enable_0_to_9` is there so that the numbers from nought to nine are written in digits, too.
# A good guess: 我有三个房间 ("I have three rooms") becomes 我有3个房间.
# Seen: a text with such a number comes back as an empty string, without an error; without the option,
# or with a longer number, it comes back whole. Whoever puts transcripts through it loses what was said.
#
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check wetext==0.1.8
"$folder/bin/python" - <<'PYTHON'
from importlib.metadata import version

from wetext import Normalizer

plain = Normalizer(lang="zh", operator="itn")
small = Normalizer(lang="zh", operator="itn", enable_0_to_9=True)
print("wetext", version("wetext"))
seen = {text: (plain.normalize(text), small.normalize(text)) for text in ("我有三个房间", "八", "端口四四三")}
for text, (without, with_option) in seen.items():
    print(f"{text}: {without!r}, with enable_0_to_9 {with_option!r}")
assert seen == {
    "我有三个房间": ("我有三个房间", ""),
    "八": ("八", ""),
    "端口四四三": ("端口443", "端口443"),
}, "it behaves otherwise now"
PYTHON
