"""What customers call places is understood, and reported under the region that has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.dialogue.places import load_places
from common.errors import SetupError

pytestmark = pytest.mark.unit

#: Region → names, each as somebody may say it; those of several regions stand apart below.
NAMES = {
    "cn-east": (
        "华东 上海 杭州 南京 苏州 宁波 合肥 厦门 福州 青岛 济南 江苏 浙江 江浙沪 长三角 山东"
        " 福建 安徽 江西 Shanghai Hangzhou Nanjing Suzhou Xiamen Qingdao"
    ),
    "cn-north": (
        "华北 北京 天津 河北 东北 辽宁 沈阳 大连 哈尔滨 内蒙古 西安 西北 新疆 郑州 京津冀"
        " Beijing Tianjin Dalian"
    ),
    "cn-south": (
        "华南 广州 深圳 东莞 珠海 海南 香港 澳门 台湾 武汉 长沙 成都 重庆 昆明 大湾区 Shenzhen"
        " Guangzhou Taiwan Chengdu"
    ),
    "sea": (
        "东南亚 印尼 印度尼西亚 雅加达 泗水 万隆 巴厘岛 越南 胡志明市 河内 泰国 曼谷 菲律宾"
        " 马尼拉 马来西亚 吉隆坡 新加坡 缅甸 仰光 柬埔寨 金边 老挝 Indonesia Jakarta Surabaya"
        " Vietnam Hanoi Saigon Thailand Bangkok Philippines Manila Cebu Malaysia Singapore"
        " Myanmar Cambodia ASEAN 东盟"
    ),
    "india": (
        "印度 孟买 新德里 班加罗尔 金奈 海得拉巴 巴基斯坦 孟加拉 达卡 斯里兰卡 India Mumbai"
        " Delhi Bangalore Bengaluru Chennai Pakistan Karachi Bangladesh"
    ),
    "jp-kr": "日本 东京 大阪 韩国 首尔 釜山 日韩 Japan Tokyo Osaka Korea Seoul Busan",
    "mena": (
        "中东 海湾国家 沙特 沙特阿拉伯 利雅得 吉达 阿联酋 迪拜 阿布扎比 卡塔尔 多哈 科威特 巴林"
        " 阿曼 伊拉克 约旦 黎巴嫩 土耳其 伊斯坦布尔 埃及 开罗 摩洛哥 北非 Riyadh Jeddah KSA UAE"
        " Dubai Qatar Kuwait Bahrain Oman Iraq Turkey Istanbul Egypt Cairo Morocco GCC MENA"
        " Gulf"
    ),
    "africa": (
        "非洲 尼日利亚 拉各斯 肯尼亚 内罗毕 南非 加纳 埃塞俄比亚 Africa Nigeria Lagos Kenya"
        " Nairobi Ghana Ethiopia"
    ),
    "eu": (
        "欧洲 欧盟 英国 伦敦 德国 法兰克福 法国 巴黎 西班牙 马德里 意大利 米兰 荷兰 波兰 瑞典"
        " 北欧 俄罗斯 Europe London Germany Berlin France Paris Spain Madrid Italy Netherlands"
        " Poland Russia UK"
    ),
    "na": (
        "北美 美国 纽约 洛杉矶 加州 硅谷 美东 美西 加拿大 多伦多 温哥华 USA America Canada"
        " Toronto California Texas"
    ),
    "latam": (
        "拉美 拉丁美洲 南美 巴西 圣保罗 里约 墨西哥 阿根廷 哥伦比亚 智利 秘鲁 LATAM Brazil"
        " Mexico Argentina Colombia Chile Peru"
    ),
}
TOGETHER = {
    "国内 中国 大陆 China mainland": {"cn-east", "cn-north", "cn-south"},
    "亚洲 亚太 Asia APAC": {"cn-east", "cn-north", "cn-south", "sea", "india", "jp-kr"},
    "海外 国外 overseas abroad": {
        *("sea", "india", "jp-kr", "mena", "africa", "eu", "na", "latam"),
    },
    "欧美": {"eu", "na"},
    "美洲 Americas": {"na", "latam"},
}


def test_two_hundred_names_and_more_are_understood() -> None:
    places, wrong = load_places(), []
    asked = [(name, {region}) for region, names in NAMES.items() for name in names.split()]
    asked += [(name, regions) for names, regions in TOGETHER.items() for name in names.split()]
    for name, regions in asked:
        for said in (f"{name}的用户很卡", f"our users in {name} have stalls", name):
            found = places.find(said)
            if [set(place.regions) for place in found] != [regions]:
                wrong.append((said, found))
    assert len(asked) > 250 and not wrong


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("印度尼西亚和印度哪个更卡？", ["Indonesia", "India"]),
        ("South Africa, and the rest of Africa", ["South Africa", "Africa"]),
        ("Latin America is fine, North America is not", ["Latin America", "North America"]),
        ("雅加達的用戶一直卡", ["Indonesia"]),
        ("Users in the Middle East and in the Gulf", ["the Middle East", "the Gulf"]),
        ("we trust us, and must pay in euros", []),
        ("视频一直卡", []),
        ("美国和拉丁美洲", ["the United States", "Latin America"]),
    ],
)
def test_the_longest_name_counts_in_the_order_in_which_they_are_said(
    said: str, names: list[str]
) -> None:
    assert [place.en for place in load_places().find(said)] == names


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("滑冬的卡顿率现在多少？", ["East China"]),
        ("花东这边卡顿率报一下", ["East China"]),
        ("那滑南呢？", ["South China"]),
        ("亚加达那边卡盾很厉害", ["Indonesia"]),
        ("查一下欧州的延迟", ["Europe"]),
        ("what's the latency in Jacarta", ["Indonesia"]),
        ("jakatra is stuttering", ["Indonesia"]),
        ("how is Nigera doing", ["Nigeria"]),
        ("and in Singapour?", ["Singapore"]),
    ],
)
def test_a_misheard_place_is_the_one_it_sounds_or_looks_like(said: str, names: list[str]) -> None:
    assert [place.en for place in load_places().find(said)] == names


@pytest.mark.parametrize(
    "said",
    [
        "用户难进房间，背景噪音很大",
        "我们发过版，没过多久就卡",
        "对用户的伤害很大",
        "画面越来越难看",
        "the median latency did settle",
        "the server turned it off, for whatever reason",
        "we chained the calls in parallel",
    ],
)
def test_what_only_sounds_a_little_like_a_place_is_none(said: str) -> None:
    assert load_places().find(said) == []


def test_a_part_is_told_from_a_region() -> None:
    indonesia, sea = load_places().find("印尼，或者东南亚")
    assert (indonesia.is_part, indonesia.regions) == (True, ("sea",))
    assert (sea.is_part, sea.called("zh"), sea.called("en")) == (
        False,
        "东南亚",
        "South-East Asia",
    )


def test_a_region_that_the_file_has_not_is_called_as_it_is_reported() -> None:
    places = load_places()
    (found,) = places.find("how is oce-1 doing", ["sea", "oce-1"])
    assert found == places.region("oce-1") and found.called("zh") == "oce-1"


def test_a_region_may_be_called_as_engineers_write_it() -> None:
    (found,) = load_places().find("延迟 in cn-east 怎么样")
    assert found.regions == ("cn-east",)


def test_an_operator_may_name_their_own_regions(tmp_path: Path) -> None:
    file = tmp_path / "places.toml"
    file.write_text(
        "together = []\nmisheard = { before = [], after = [], never = [] }\n"
        '[regions.apac-2]\nzh = "亚太二区"\nen = "APAC two"\nwords = ["二区"]\n'
        'parts = [{ zh = "泰国", en = "Thailand", words = [] }]\n',
        encoding="utf-8",
    )
    (found,) = load_places(file).find("泰国")
    assert found.regions == ("apac-2",)


@pytest.mark.parametrize("broken", ["regions = 1", "[regions.sea]\nzh = 'x'", "[["])
def test_a_file_that_cannot_be_used_says_which_and_what_to_do(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "places.toml"
    file.write_text(broken, encoding="utf-8")
    with pytest.raises(SetupError, match=r"places\.toml.*Correct"):
        load_places(file)
