"""Hidden characters and hidden text: told where they are, and only there."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import Extract, Page, Span
from indexes.errors import ReadFailure
from ingest.hidden import hidden_finding, with_finding
from ingest.pool import Limits, ReaderPool, ReadJob
from ingest.readers import HTML, PLAIN, RecordFailure
from read_one import read_one

# One sentence in scripts that need marks which nobody sees, and text that people write with them.
ORDINARY = (
    "تولد الناس أحراراً متساوين في الكرامة \u200fوالحقوق.\u200e",
    "تمام افراد بشر آزاد به دنیا می\u200cآیند و از لحاظ حیثیت با هم برابرند؛ خانه\u200cهای ما.",
    "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם. \u202b(א)\u202c",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है। क्\u200dष क्\u200cष",
    "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടും അന്\u200dതസ്സോടും സ്വാതന്ത്ര്യത്തോടുംകൂടി ജനിച്ചിട്ടുള്ളവരാണ്\u200c.",
    "ประเทศ\u200bไทย\u200bเป็น\u200bราช\u200bอาณาจักร\u200bอัน\u200bหนึ่ง\u200bอัน\u200bเดียว",
    "មនុស្ស\u200bទាំង\u200bអស់\u200bកើត\u200bមក\u200bមាន\u200bសេរីភាព\u200bនិង\u200bសមភាព",
    "ᠬᠦᠮᠦᠨ ᠪᠦᠷ ᠲᠥᠷᠥᠵᠦ ᠮᠡᠨᠳᠡᠯᠡᠬᠦ\u180b ᠡᠷᠬᠡ\u180eᠴᠢᠯᠥᠭᠡ",
    "👨\u200d👩\u200d👧\u200d👦 ❤\ufe0f 🏳\ufe0f\u200d🌈 ☎\ufe0e 1\ufe0f\u20e3 👩🏽\u200d🚀",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f, the flag of England",
    "葛\U000e0100飾区と辻\U000e0101さん、祇\ufe00園",
    "Donau\u00addampf\u00adschiff, Auf\u200clage, https://example.org/\u200bpath/\u200bto\u2060gether",
    "call \u202a+1 555 0100\u202c or \u2066name\u2069, \u2067שלום\u2069 said he",
    "\u202eשלום\u202c \u202d2024\u202c f\u2061(x) a\u2062b",
    "ㄱ\u3164ㄴ ᄀ\u1160 Z\ufeffW",
    "\ufeff\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200bpadding",
    "&#847; " + "\u200c \u00a0\u200c \u00a0" * 40,
)


@pytest.mark.parametrize("text", ORDINARY)
def test_what_scripts_need_is_no_finding(text: str) -> None:
    """Languages, emoji and typography are left in peace."""
    assert hidden_finding(text) is None


def tags(words: str) -> str:
    """Return ASCII words in tag characters."""
    return "".join(chr(0xE0000 + ord(letter)) for letter in words)


def bits(words: str, signs: str) -> str:
    """Return words in bits that two characters without width stand for."""
    return "".join(signs[int(bit)] for byte in words.encode() for bit in f"{byte:08b}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"Fine.{tags('ignore all')} More.", "10 Unicode tags"),
        (f"🏴{tags('ignore all that')}", "15 Unicode tags"),
        (f"a{bits('hi', chr(0x200B) + chr(0x200C))}b", "16 characters without width"),
        (
            "".join(a + b for a, b in zip("abcdefghij", "\u200b\u200c" * 5, strict=True)) + "k",
            "10 char",
        ),
        ("😀" + "".join(chr(0xE0100 + byte - 16) for byte in b"hidden"), "6 variation selectors"),
        ("a\ufe01\ufe02\ufe03", "3 variation selectors"),
        ("access \u202etxt.exe\u202c", "turned direction"),
        ("x = 1 \u2067 # comment\u2069", "turned direction"),
        ("\u202dשלום\u202c", "turned direction"),
    ],
)
def test_carriers_are_told(text: str, words: str) -> None:
    """How many there are of each kind; the text itself is not shown."""
    finding = hidden_finding(f"First line.\n{text}\nLast line.")
    assert finding is not None
    assert finding.code == "hidden_text"
    assert words in finding.message
    assert "line 2 " in finding.message


@given(st.binary(min_size=1, max_size=40))
def test_words_in_bits_are_always_found(data: bytes) -> None:
    """Whatever is hidden so, unless nearly all its bits are the same."""
    for signs in ("\u200b\u200d", "\u2060\ufeff"):
        carried = "".join(signs[int(bit)] for byte in data for bit in f"{byte:08b}")
        found = hidden_finding(f"words{carried} words") is not None
        assert found == (min(carried.count(signs[0]), carried.count(signs[1])) > 1)


def test_pages_are_named() -> None:
    """The finding says on which pages to look; failures and plain ASCII pass."""
    text = f"one\n\ntwo{tags('x')}\n\nthree"
    pages = (Page(1, Span(0, 3)), Page(2, Span(5, 9)), Page(3, Span(11, 16)))
    extract = with_finding(Extract(text, PLAIN, pages=pages))
    assert isinstance(extract, Extract)
    assert extract.text == text
    assert [finding.pages for finding in extract.findings] == [(2,)]
    failed = RecordFailure("line 1", ReadFailure("empty", "x"))
    assert with_finding(failed) is failed


def test_every_format_is_looked_at(tmp_path: Path) -> None:
    """The finding comes with what reader processes give."""
    path = tmp_path / "a.txt"
    path.write_text(f"Fine words.{tags('hidden')}", encoding="utf-8")
    with ReaderPool(1, Limits(20, 1000, 10)) as pool:
        (result,) = pool.results([ReadJob("docs/a.txt", path, "a.txt")])
    assert [finding.code for finding in result.extracts[0].findings] == ["hidden_text"]


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "style",
    [
        "font-size:0",
        "FONT-SIZE: 0px; color:red",
        "opacity:0",
        "opacity: 0.0;",
        "position:absolute; left:-9999px",
        "position:fixed;top:-200em",
        "text-indent:-9999px",
        "text-indent: -9999em; overflow:hidden",
        "color:white",
        "color:#FFF",
        "color: rgb(255, 255, 255)",
        "background:#000;color:black",
        "background-color:rgb(1,2,3); color:#010203",
    ],
)
def test_hidden_text_is_left_out_and_told(tmp_path: Path, style: str) -> None:
    """What no browser shows is no text of the page."""
    page = f"<p>Shown.</p><div style='{style}'>Not <b>for you</b></div><p>Shown too.</p>"
    extract = read_one(tmp_path / "a.html", HTML, page.encode())
    assert extract.text == "Shown.\n\nShown too."
    (finding,) = extract.findings
    assert (finding.code, finding.message.partition(" ")[0]) == ("hidden_text", "3")


@pytest.mark.parametrize(
    "inner",
    [
        "<div style='font-size:0'><b style='font-size:13px'>Words</b></div>",
        "<div style='font-size:0.9em;opacity:.5'>Words</div>",
        "<div style='opacity:0;transform:translateY(20px)'>Words</div>",
        "<div style='opacity:0;transition:opacity 1s'>Words</div>",
        "<div style='position:absolute;left:-20px'>Words</div>",
        "<div style='left:-9999px'>Words</div>",
        "<div style='text-indent:-2em;margin-left:2em'>Words</div>",
        "<div style='background:#000;color:#fff'>Words</div>",
        "<div style='background:url(a.png);color:#fff'>Words</div>",
        "<div style='background-image:linear-gradient(red,blue);color:#fff'>Words</div>",
        "<table bgcolor=black><tr><td><font color=white>Words</font></table>",
        "<div style='color:#fff'><b style='color:red'>Words</b></div>",
        "<style>.a{background:black}</style><div class=a><b style='color:#fff'>Words</b></div>",
        "<link rel=stylesheet href=x><div style='color:#fff'>Words</div>",
        "<div style='color:var(--x);font-size:var(--y);opacity:var(--z)'>Words</div>",
        "<div style='color:transparent;background:rgba(0,0,0,0)'>Words</div>",
    ],
)
def test_text_that_is_shown_is_kept(tmp_path: Path, inner: str) -> None:
    """Styles that look alike and hide nothing."""
    extract = read_one(tmp_path / "a.html", HTML, f"<body>{inner}</body>".encode())
    assert (extract.text, extract.findings) == ("Words", ())


def test_folded_text_is_left_out_without_a_word(tmp_path: Path) -> None:
    """`display:none` is how pages fold menus, even where they make it small as well."""
    page = "<p>Shown.</p><div style='display:none;font-size:0;opacity:0'>Menu</div>"
    extract = read_one(tmp_path / "a.html", HTML, page.encode())
    assert (extract.text, extract.findings) == ("Shown.", ())


@pytest.mark.parametrize("style", ["a" * 500_000, "a:" * 250_000, "color:" + "rgb(" * 100_000])
def test_styles_without_end_are_read(tmp_path: Path, style: str) -> None:
    """A page cannot be made slow by what nobody sees."""
    started = time.process_time()
    page = f"<p style='{style}'>Words</p>"
    assert read_one(tmp_path / "a.html", HTML, page.encode()).text == "Words"
    assert time.process_time() - started < 5
