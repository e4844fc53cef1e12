"""Numbers in a transcript: what an engineer writes in digits becomes digits, words stay words."""

from __future__ import annotations

import pytest

from common.languages import Language
from common.numbers.digits import with_digits

pytestmark = pytest.mark.unit

WRITTEN: list[tuple[Language, str, str]] = [
    ("zh", "错误码一百一十", "错误码110"),
    ("zh", "错误码是一一零怎么办", "错误码是110怎么办"),
    ("zh", "一直报幺零九", "一直报109"),
    ("zh", "丢包率百分之五", "丢包率5%"),
    ("zh", "可用性百分之九十九点九九", "可用性99.99%"),
    ("zh", "延迟两百毫秒", "延迟200毫秒"),
    ("zh", "端口三四七八", "端口3478"),
    ("zh", "四千到四千零三十端口", "4000到4030端口"),
    ("zh", "SDK四点二以后", "SDK4.2以后"),
    ("zh", "版本三点七点一", "版本3.7.1"),
    ("zh", "一点五秒才停", "1.5秒才停"),
    ("zh", "一零八零P", "1080P"),
    ("zh", "采样率四万八", "采样率48000"),
    ("zh", "采样率4万8", "采样率48000"),
    ("zh", "一万个用户", "1万个用户"),
    ("zh", "码率给了两千五", "码率给了2500"),
    ("en", "error one one zero", "error 110"),
    ("en", "error one oh nine", "error 109"),
    ("en", "error 1-1-0", "error 110"),
    ("en", "two hundred milliseconds", "200 milliseconds"),
    ("en", "five percent", "5%"),
    ("en", "ninety nine point nine nine percent", "99.99%"),
    ("en", "port four four three", "port 443"),
    ("en", "version three point seven point one", "version 3.7.1"),
    ("en", "in ten eighty p", "in 1080p"),
    ("en", "3,600 seconds", "3600 seconds"),
    ("en", "twenty five hundred", "2500"),
    ("en", "a hundred and fifty milliseconds", "150 milliseconds"),
    ("en", "port thirty four seventy eight", "port 3478"),
    ("zh", "端口是3-4-7-8吗", "端口是3478吗"),
    ("zh", "只放了四四三，", "只放了443，"),
]

LEFT: list[tuple[Language, str]] = [
    ("zh", "一个用户"),
    ("zh", "等一下"),
    ("zh", "第一次进频道"),
    ("zh", "万一断了"),
    ("zh", "一对一视频，一起上麦"),
    ("zh", "三五个人"),
    ("zh", "七八十毫秒"),
    ("zh", "等一两秒，或者三秒"),
    ("zh", "十分卡"),
    ("zh", "十几个人"),
    ("zh", "下午两点半"),
    ("zh", "千万别断"),
    ("zh", "百分之百满意"),
    ("zh", "二十四史"),
    ("zh", "一点也不卡"),
    ("zh", "十六国时期"),
    ("zh", "三两白银，献上八百两"),
    ("en", "one of them and someone"),
    ("en", "no one knows"),
    ("en", "the second user"),
    ("en", "a hundred users, a few hundred, hundreds of them"),
    ("en", "that is the point"),
    ("en", "one, two, three, testing"),
    ("en", "oh one more thing"),
]


@pytest.mark.parametrize(("language", "heard", "written"), WRITTEN)
def test_codes_measures_and_counts_are_digits(language: Language, heard: str, written: str) -> None:
    assert with_digits(heard, language) == written
    assert with_digits(written, language) == written


@pytest.mark.parametrize(("language", "text"), LEFT)
def test_small_counts_and_idioms_stay_words(language: Language, text: str) -> None:
    assert with_digits(text, language) == text
