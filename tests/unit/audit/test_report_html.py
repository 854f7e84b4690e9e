"""The page: whole, still when opened, drawn to scale, and safe whatever others wrote into it."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from tests.unit.audit.reports import START, finding, record, report, rich_report

from worknet.audit.report import GapLine, Network, Published, Report
from worknet.audit.report_html import MOST_RECORDS, page
from worknet.protocol.times import time_text

ACTIVE = {"script", "link", "iframe", "object", "embed", "img", "base", "form", "a", "image", "use"}
"""What can run, be fetched or be followed."""
VOID = {"meta", "br", "hr", "img", "input", "link"}
HOSTILE = '<script>alert("x")</script>\' onload="y" \u202eevil\u2066 \x1b[31m javascript:z'


class Page(HTMLParser):
    """A page as a tree of tags: what it holds, and whether every tag is closed by its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def hostile_report() -> Report:
    """Foreign text in every place where it can come from."""
    made = rich_report()
    published = Published(HOSTILE, {HOSTILE: HOSTILE, "deep": [HOSTILE, {HOSTILE: None}]}, [HOSTILE])
    return replace(
        made,
        network=Network(HOSTILE, 1, made.network.contract, None),
        records=[*made.records, record(60, published=published, name=HOSTILE, workflow=HOSTILE)],
        findings=[finding(what=HOSTILE, evidence={HOSTILE: HOSTILE})],
        unread=[replace(made.unread[0], where=HOSTILE, why=HOSTILE)],
    )


ALL = pytest.mark.parametrize("make", [report, rich_report, hostile_report, lambda: report(0, 0)])


@ALL
def test_every_tag_is_closed_by_its_own(make) -> None:  # type: ignore[no-untyped-def]
    assert Page(page(make())).open == []


@ALL
def test_every_picture_is_well_formed_and_says_what_it_shows(make) -> None:  # type: ignore[no-untyped-def]
    for drawn in re.findall(r"<svg.*?</svg>", page(make()), re.DOTALL):
        root = ElementTree.fromstring(drawn)
        if root.get("aria-hidden") != "true":
            assert root.get("role") == "img"
            assert root.get("aria-labelledby") == root[0].get("id")
            assert (root[0].tag, bool(root[0].text)) == ("title", True)


@ALL
def test_the_page_runs_nothing_and_asks_nobody(make) -> None:  # type: ignore[no-untyped-def]
    for tag, attributes in Page(page(make())).tags:
        assert tag not in {
            "script",
            "link",
            "iframe",
            "object",
            "embed",
            "img",
            "base",
            "form",
            "a",
            "image",
            "use",
        }
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in {"src", "href", "xlink:href", "style", "action", "srcset"}
            assert "url(" not in (value or "")


def test_the_style_is_the_only_one_that_the_page_lets_the_browser_take() -> None:
    text = page(report())
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text
    assert "@import" not in style
    assert "url(" not in style


def test_foreign_text_is_shown_as_text_in_one_direction() -> None:
    made = page(hostile_report())
    assert "<script" not in made
    assert "\u202e" not in made
    assert "\u2066" not in made
    assert "\x1b" not in made
    shown = Page(made).text
    assert '<script>alert("x")</script>\' onload="y" \\u202eevil\\u2066 \\x1b[31m' in shown


def test_the_pictures_stay_bounded_and_the_table_says_that_it_is_cut() -> None:
    made = page(report(0, 1_200))
    shown = Page(made)
    assert f"The newest {MOST_RECORDS} of 1,200 new records" in shown.text
    assert shown.count("rect") < 1_000
    assert len(made) < 400_000


def test_a_rewritten_log_is_said_before_anything_else() -> None:
    made = report(8, 30)
    made = replace(made, findings=[finding()], verdict="findings", log=replace(made.log, is_rewritten=True))
    shown = Page(page(made))
    assert "THE LOG WAS REWRITTEN" in shown.text
    assert "The log at size 8 no longer has the root that was seen then" in shown.text
    assert 'id="heads-title"' not in page(made)


def test_slots_without_a_record_from_1970_on_neither_fill_nor_stretch_the_picture() -> None:
    gap = GapLine("hourly", 3_600, time_text(0), time_text(START - 3_600), START // 3_600, "never opened")
    made = page(report(without_record=[gap]))
    assert f"{START // 3_600:,} slots without a record lie before or after the time that is drawn" in made
    assert "Outcomes per hour" in made


def test_parents_are_drawn_as_a_tree_with_their_own_parents() -> None:
    shown = Page(page(rich_report()))
    assert "Made from 20 earlier results hourly@2026-01-01T11:00:00Z, by quorum, position 11" in shown.text
    assert "not among the records of this audit" in shown.text
    assert "and 8 more" in shown.text
