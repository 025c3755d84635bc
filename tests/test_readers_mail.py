"""The readers of mails, against mails that the standard library and tests put together."""

from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Extract, document_id_for
from ingest.readers import MAIL, OUTLOOK, RecordFailure
from ingest.readers.compressed_rtf import unpacked
from made_mails import mail
from made_msgs import attachments, filetime, ole, properties, receivers
from read_one import check_damaged, read_all, read_one, reason, refused

HEAD = b"From: a@example.org\nDate: Tue, 04 Mar 2025 10:00:00 +0100\n"
HEBREW = "שלום עולם, אלה מילים בעברית"
JAPANESE = "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(50)


def body(extract: Extract) -> str:
    """Return the text below the fields."""
    return extract.text.partition("\n\n")[2]


def raw(kind: str, content: bytes, coding: str = "8bit") -> bytes:
    """Return a mail of one part."""
    fields = f"MIME-Version: 1.0\nContent-Type: {kind}\nContent-Transfer-Encoding: {coding}\n\n"
    return HEAD + fields.encode() + content


def test_a_mail(tmp_path: Path) -> None:
    """Its fields are text, its date is what it speaks of, its subject the title."""
    made = mail("Dear Bob,\n\n€ 5 \u2013 “naïve”.\n", subject="Grüße aus Köln")
    made["Cc"] = "Çelik <c@example.org>"
    extract = read_one(tmp_path / "a.eml", MAIL, made.as_bytes())
    assert extract.text == (
        "From: Ann <ann@example.org>\nTo: bob@example.org\nCc: Çelik <c@example.org>\n"
        "Date: Tue, 04 Mar 2025 10:00:00 +0100\nSubject: Grüße aus Köln\n\n"
        "Dear Bob,\n\n€ 5 \u2013 “naïve”."
    )
    assert (extract.title, extract.as_of, extract.as_of_source) == (
        "Grüße aus Köln", "2025-03-04", "content",
    )  # fmt: skip
    assert extract.metadata == {
        "from": "Ann <ann@example.org>",
        "to": "bob@example.org",
        "cc": "Çelik <c@example.org>",
        "date": "Tue, 04 Mar 2025 10:00:00 +0100",
        "message_id": "<1@example.org>",
    }


@pytest.mark.parametrize(
    ("kind", "content", "coding", "text"),
    [
        ("text/plain; charset=iso-8859-8-i", HEBREW.encode("iso-8859-8"), "8bit", HEBREW),
        ("text/plain; charset=windows-1255", HEBREW.encode("cp1255"), "8bit", HEBREW),
        ("text/plain; charset=iso-2022-jp", JAPANESE.encode("iso-2022-jp"), "7bit", JAPANESE),
        ("text/plain; charset=x-unknown", HEBREW.encode(), "8bit", HEBREW),
        ("text/plain; charset=gb2312", "€ 自由".encode("gb18030"), "8bit", "€ 自由"),
        ("text/plain; charset=utf-7", "Gr\u00fc\u00dfe".encode("utf-7"), "7bit", "Grüße"),
        ("text/plain", "Grüße".encode("latin-1"), "8bit", "Grüße"),
        ("text/plain; charset=us-ascii", "Grüße".encode(), "8bit", "Grüße"),
        ("text/plain; charset=\x00", b"words", "8bit", "words"),
        ("text/plain; charset=utf-8", b"a=20=\nb=E2=82=AC", "quoted-printable", "a b€"),
        ("text/plain; charset=utf-8", b"4oKsIDU=", "base64", "€ 5"),
        ("text/plain; charset=utf-8", b"4oKsIDU", "base64", "€ 5"),
        ("text/html; charset=utf-8", b"<h1>A</h1><p>b <b>c</b></p>", "8bit", "A\n\nb c"),
        ("text/html", b"<ul><li>a<li>b</ul>", "8bit", "- a\n- b"),
    ],
)
def test_a_body_is_decoded(
    tmp_path: Path, kind: str, content: bytes, coding: str, text: str
) -> None:
    """Whatever the encoding, declared rightly, wrongly or not at all."""
    assert body(read_one(tmp_path / "a.eml", MAIL, raw(kind, content, coding))) == text


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (b"=?windows-1255?B?UkU6IPns5e0=?=", "RE: שלום"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8?q?_und?=\n more", "Grüße und more"),
        ("Grüße".encode(), "Grüße"),
        (b"Gr\xfc\xdfe aus K\xf6ln", "Grüße aus Köln"),
        (b"=?x-no?q?abc?= d", "abc d"),
        (b"=?utf-8?b?!!!?= d", "=?utf-8?b?!!!?= d"),
        (b"=?utf-8?q??= d", "d"),
    ],
)
def test_fields_are_decoded(tmp_path: Path, field: bytes, words: str) -> None:
    """Encoded words, folded lines and plain bytes."""
    extract = read_one(tmp_path / "a.eml", MAIL, b"Subject: " + field + b"\n" + HEAD + b"\nx")
    assert extract.title == words


def test_the_better_form_is_taken(tmp_path: Path) -> None:
    """Plain words, unless they only say that there is a page."""
    page = "<p>" + "A long letter with many words. " * 9 + "</p>"
    made = mail("A letter\nin plain words, long enough to be one, and as long as that.")
    made.add_alternative("<p>A letter in <b>HTML</b> words, long enough to be one.", subtype="html")
    assert "plain words" in body(read_one(tmp_path / "a.eml", MAIL, made.as_bytes()))
    made = mail("Your program cannot show this.")
    made.add_alternative(page, subtype="html")
    text = body(read_one(tmp_path / "a.eml", MAIL, made.as_bytes()))
    assert text == ("A long letter with many words. " * 9).strip()


def test_pictures_in_the_text_are_left_out_and_others_told(tmp_path: Path) -> None:
    """A logo in a signature is no failure; a picture that was attached is named."""
    made = mail("Words that are as long as those of the page.")
    made.add_alternative("<p>Words <img src='cid:logo@x'> here</p>", subtype="html")
    made.get_payload()[1].add_related(PICTURE, "image", "png", cid="<logo@x>", filename="l.png")  # type: ignore[union-attr,index]
    made.add_attachment(PICTURE, "image", "png", filename="photo.png")
    made.add_attachment(PICTURE, "image", "png", filename="inline.png", disposition="inline")
    made.add_attachment(b"signed", "application", "pgp-signature", filename="s.asc")
    first, second = read_all(tmp_path / "a.eml", MAIL, made.as_bytes())
    assert isinstance(first, Extract)
    assert isinstance(second, RecordFailure)
    assert (second.failure.reason, "'photo.png'" in second.failure.message) == (
        "unsupported_format", True,
    )  # fmt: skip


def ids(items: list[Extract | RecordFailure]) -> list[str | None]:
    """Return the ids of the documents."""
    return [item.record_id for item in items if isinstance(item, Extract)]


def test_attachments_of_one_name_have_ids_of_their_own(tmp_path: Path) -> None:
    """The first keeps its id when another of its name comes or goes; a copy is left out."""
    path = tmp_path / "a.eml"
    made = mail("x", {"a b.txt": b"One.\n"})
    before = ids(read_all(path, MAIL, made.as_bytes()))
    for content in (b"Two.\n", b"One.\n"):
        made.add_attachment(content, "text", "plain", filename="a_b.txt")
    after = ids(read_all(path, MAIL, made.as_bytes()))
    prefix = document_id_for("docs/a.eml")
    assert before == [None, f"{prefix}-a_b.txt"]
    assert after[:2] == before
    assert len(after) == 3
    assert str(after[2]).startswith(f"{prefix}-a_b.txt~")


@pytest.mark.parametrize(
    "name",
    ["Grüße 1.txt", "a" * 200 + ".txt", "../../x.txt", "", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=.txt"],
)
def test_names_of_attachments(tmp_path: Path, name: str) -> None:
    """Whatever an attachment is called, it is read, and its title is its name."""
    made = mail("x")
    made.add_attachment(b"Words.\n", "text", "plain", filename=name or None)
    _, part = read_all(tmp_path / "a.eml", MAIL, made.as_bytes())
    assert isinstance(part, Extract)
    assert part.text == "Words.\n"
    assert "/" not in part.title


def test_mails_without_end_are_stopped(tmp_path: Path) -> None:
    """A mail in a mail in a mail is followed some way down; the rest is named."""
    made = mail("The innermost.")
    for number in range(12):
        outer = mail(f"Number {number}.")
        outer.add_attachment(made)
        made = outer
    items = read_all(tmp_path / "a.eml", MAIL, made.as_bytes())
    assert len(items) == 10
    assert isinstance(items[-1], RecordFailure)
    assert "8 other" in items[-1].failure.message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["a.eml", "a.txt"])
def test_a_mail_that_an_editor_saved(tmp_path: Path, encoding: str, name: str) -> None:
    """Whatever it was saved in, it is a mail."""
    sent = "Message-ID: <1@b>\nFrom: Zoë <z@b>\nSubject: Größe\nTo: c@d\n\nSeven lamps, £5.\n"
    extract = read_one(tmp_path / name, MAIL, sent.encode(encoding))
    assert extract.title == "Größe"
    assert extract.text.endswith("Subject: Größe\n\nSeven lamps, £5.")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"no mail at all", "wrong_type"),
        (b"\n\nwords", "wrong_type"),
        (b"X-Other: 1\n\nwords", "wrong_type"),
        (b"Subject: only a field\n", ""),
        (b"From x@y Wed Jul 16 06:24:10 2008\nSubject: x\n\nwords", ""),
        (raw("application/pkcs7-mime; smime-type=enveloped-data", b"abc"), ""),
    ],
)
def test_what_is_no_mail_is_said(tmp_path: Path, content: bytes, found: str) -> None:
    """Fields make a mail; its text may be missing."""
    assert reason(tmp_path / "a.eml", MAIL, content) == found


def test_an_encrypted_text_is_told(tmp_path: Path) -> None:
    """Its fields can be read, its text cannot."""
    content = raw("application/pkcs7-mime; smime-type=enveloped-data", b"abc")
    extract = read_one(tmp_path / "a.eml", MAIL, content)
    assert [finding.code for finding in extract.findings] == ["encrypted"]


TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS, st.lists(TEXTS, max_size=3))
def test_what_was_put_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory, subject: str, text: str, attached: list[str]
) -> None:
    """Subject, text and attachments are those that the standard library was given."""
    made = EmailMessage()
    made["From"] = "a@example.org"
    made["Subject"] = subject
    made.set_content(text)
    for number, words in enumerate(attached):
        made.add_attachment(words, filename=f"{number}.txt")
    path = tmp_path_factory.mktemp("mail") / "a.eml"
    first, *rest = read_all(path, MAIL, made.as_bytes())
    assert isinstance(first, Extract)
    assert "".join(first.title.split()) == "".join(subject.split())
    assert body(first).strip("\n") == text
    assert [item.text.strip("\n") for item in rest if isinstance(item, Extract)] == attached


def test_damaged_mails(tmp_path: Path) -> None:
    """Cut or turned bytes are read or refused."""
    made = mail("Grüße.", {"a.txt": b"x", "b.csv": b"a,b\n1,2"})
    made.add_attachment(mail("Inner.", {"c.pdf": b"%PDF-1.7"}))
    check_damaged(tmp_path / "a.eml", MAIL, made.as_bytes())
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(2000)
    )
    assert reason(tmp_path / "b.eml", MAIL, HEAD + b"MIME-Version: 1.0\n" + deep) in {"", "damaged"}


# --- Outlook -------------------------------------------------------------------------------------

SENT = filetime(datetime(2025, 3, 4, 9, 30, tzinfo=UTC))
FIELDS = {0x0037: "Über Eis", 0x0C1A: "Ann", 0x5D01: "ann@example.org", 0x1035: "<7@example.org>"}
PACKED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d"
    "0a800fa0"
)


def msg(texts: dict[int, str | bytes], **folders: object) -> bytes:
    """Return a mail of Outlook's with the usual fields."""
    held = {**receivers(("Bob", "bob@example.org", "1"), ("", "c@example.org", "2")), **folders}
    return ole(properties({**FIELDS, **texts}, {0x0039: SENT}, 32, held))  # type: ignore[arg-type]


def test_an_outlook_mail(tmp_path: Path) -> None:
    """Properties become the same text that the mail would have as EML."""
    extract = read_one(tmp_path / "a.msg", OUTLOOK, msg({0x1000: "Ice is cold.\r\n€ 5\x00"}))
    assert extract.text.startswith(
        "From: Ann <ann@example.org>\nTo: Bob <bob@example.org>\nCc: c@example.org\n"
        "Date: Tue, 04 Mar 2025 09:30:00 +0000\nSubject: Über Eis\n\nIce is cold.\n€ 5"
    )
    assert (extract.title, extract.as_of) == ("Über Eis", "2025-03-04")
    assert extract.metadata["message_id"] == "<7@example.org>"


def test_fields_as_they_were_sent_come_first(tmp_path: Path) -> None:
    """Where Outlook kept the fields of the mail, these are told."""
    sent = "From: =?utf-8?q?=C3=84nn?= <a@example.org>\r\nDate: Mon, 3 Mar 2025 23:00:00 -0500\r\n"
    extract = read_one(tmp_path / "a.msg", OUTLOOK, msg({0x007D: sent, 0x1000: "x"}))
    assert extract.metadata["from"] == "Änn <a@example.org>"
    assert extract.as_of == "2025-03-03"


def test_an_outlook_page(tmp_path: Path) -> None:
    """A page is laid out; its encoding is the one that the mail names."""
    page = "<h1>Über</h1><p>Köln</p>".encode("cp1252")
    named = b"<meta charset=windows-1252>" + page
    for texts, numbers in (({0x1013: page}, {0x3FDE: 1252}), ({0x1013: named}, {})):
        content = ole(properties(dict(texts), numbers, 32))
        extract = read_one(tmp_path / "a.msg", OUTLOOK, content)
        assert extract.text == "Über\n\nKöln"
        assert len(extract.headings) == 1


def test_outlook_attachments(tmp_path: Path) -> None:
    """Files and mails are documents; pictures that the text shows and drawn objects are not."""
    inner = properties({0x0037: "Inner", 0x1000: "Deep words."}, {}, 24)
    held = attachments(
        properties({0x3707: "long name.txt", 0x3701: b"Ice.\n"}),
        properties({0x3704: "SHORT.CSV", 0x3701: b"a,b\n1,2\n"}),
        properties({0x3707: "l.png", 0x3701: PICTURE, 0x370E: "image/png", 0x3712: "logo"}),
        properties({0x3001: "Inner"}, folders={"__substg1.0_3701000D": inner}),
        properties({0x3001: "Drawn"}, folders={"__substg1.0_3701000D": {"x": b"y"}}),
        properties({0x3707: "word.doc", 0x3701: ole({"WordDocument": b"x" * 5000})}),
    )
    html = b"<p>See <img src=cid:logo></p>"
    items = read_all(tmp_path / "a.msg", OUTLOOK, msg({0x1013: html}, **held))
    read = [item for item in items if isinstance(item, Extract)]
    assert [item.text for item in read[1:3]] == ["Ice.\n", "a,b\n1,2\n"]
    assert read[3].text.endswith("Deep words.")
    (failed,) = (item for item in items if isinstance(item, RecordFailure))
    assert "'word.doc'" in failed.failure.message


def test_packed_rtf() -> None:
    """The example of [MS-OXRTFCP] is unpacked to what stands there."""
    assert unpacked(PACKED) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert unpacked(b"\x0f\0\0\0\x03\0\0\0MELA\0\0\0\0abc") == b"abc"


def test_damaged_outlook_mails(tmp_path: Path) -> None:
    """Cut or turned bytes are read or refused."""
    held = attachments(properties({0x3707: "a.txt", 0x3701: b"Ice.\n" * 2000}))
    content = msg({0x1000: "Words.", 0x1009: PACKED}, **held)
    check_damaged(tmp_path / "a.msg", OUTLOOK, content)
    assert refused(tmp_path / "a.msg", OUTLOOK, content[:600]).reason == "damaged"
