"""Mails through the whole pipeline: what is attached comes, changes and goes with its mail."""

import io
from pathlib import Path

import pytest
from pypdf import PdfWriter

from indexes.documents import document_id_for
from indexes.errors import DocumentNotFound
from indexes.settings import Settings
from ingest import pipeline
from ingest.pipeline import ingest
from ingest.progress import Advanced, Event, silent
from ingest.readers import CSV, READERS
from ingest.report import Report
from ingest.survey import Order
from made_mails import mail
from test_pipeline import House, only, outcomes

PARTS = {"a.txt": b"Ice is cold.\n", "b.csv": b"name,age\nAda,36\n"}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house whose pipeline loads the counting encoder."""
    made = House(tmp_path)
    made.docs.mkdir()
    monkeypatch.setattr(pipeline, "load_encoder", lambda *_, **__: made.encoder())
    return made


def put(house: House, attached: dict[str, bytes], text: str = "See what is attached.") -> None:
    """Write the mail into the folder."""
    (house.docs / "m.eml").write_bytes(mail(text, attached).as_bytes())


def uri(name: str = "", file: str = "docs/m.eml") -> str:
    """Return the uri of the mail or of what is attached to it."""
    return f"{file}#{document_id_for(file)}-{name}" if name else file


def test_a_mail_and_what_is_attached_are_documents(house: House) -> None:
    """Each has a uri of its own below the mail's, its reader, and the words of its file."""
    put(house, PARTS)
    report = house.ingest()
    assert outcomes(report) == {uri(): "added", uri("a.txt"): "added", uri("b.csv"): "added"}
    texts = house.texts()
    assert texts[uri("a.txt")] == "Ice is cold.\n"
    assert texts[uri()].endswith("Subject: A subject\n\nSee what is attached.")
    stored = house.stored()
    assert (stored[uri()].as_of, stored[uri()].title) == ("2025-03-04", "A subject")
    assert stored[uri("b.csv")].reader == READERS[CSV].label
    assert outcomes(house.ingest()) == dict.fromkeys(outcomes(report), "unchanged")


def test_what_changes_is_updated_and_what_is_dropped_is_removed(house: House) -> None:
    """Attachments that stay as they are keep their ids and are unchanged."""
    put(house, {**PARTS, "c.txt": b"Fog.\n"})
    house.ingest()
    put(house, {"c.txt": b"Fog.\n", "a.txt": b"Ice melts.\n", "d.txt": b"Hail.\n"})
    assert outcomes(house.ingest()) == {
        uri(): "updated",
        uri("a.txt"): "updated",
        uri("b.csv"): "removed",
        uri("c.txt"): "unchanged",
        uri("d.txt"): "added",
    }
    (house.docs / "other.txt").write_text("Snow.")
    (house.docs / "m.eml").unlink()
    house.ingest(allow_mass_removal=True)
    assert set(house.texts()) == {"docs/other.txt"}


def test_an_attachment_that_cannot_be_read_costs_only_itself(house: House) -> None:
    """It is named; a later run without a change says so again without reading."""
    put(house, {"a.txt": b"Ice.\n", "x.bin": bytes(range(256)) * 9, "e.pdf": b"%PDF-1.7 broken"})
    for outcome in ("added", "unchanged"):
        report = house.ingest()
        assert only(report, uri()).outcome == only(report, uri("a.txt")).outcome == outcome
        failed = only(report, uri("x.bin"))
        assert (failed.outcome, failed.code) == ("failed", "wrong_type")
        assert "'x.bin'" in (failed.message or "")
        assert only(report, uri("e.pdf")).code == "damaged"


def test_a_kill_between_a_mail_and_what_is_attached_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a run ends, the next one stores what is missing."""
    monkeypatch.setattr(pipeline, "_GROUP_CHUNKS", 0)
    put(house, PARTS)
    left = iter(range(2))

    def stop(event: Event) -> None:
        if isinstance(event, Advanced) and event.stored:
            house.encoded.clear()
            if next(left, None) is not None:
                raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            house.ingest(observe=stop)
    house.ingest()
    assert set(house.texts()) == {uri(), uri("a.txt"), uri("b.csv")}


def test_a_broken_attachment_that_is_gone_is_told_no_more(house: House) -> None:
    """What failed in an earlier version of a mail has no place in the report of the next."""
    put(house, {"x.bin": bytes(range(256)) * 9})
    assert only(house.ingest(), uri("x.bin")).outcome == "failed"
    put(house, {})
    assert outcomes(house.ingest()) == {uri(): "updated"}
    assert outcomes(house.ingest()) == {uri(): "unchanged"}


def with_settings(house: House, **changed: object) -> Report:
    """Ingest the folder with other settings."""
    settings: Settings = house.settings.model_copy(update=changed)
    return ingest(Order((str(house.docs),)), settings, silent)


def test_a_locked_attachment_is_opened_once_its_password_is_there(house: House) -> None:
    """The mail need not change for it; as long as no password fits, nothing else is stored anew."""
    writer = PdfWriter()
    writer.add_blank_page(72, 72)
    writer.encrypt("secret", "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    put(house, {"a.txt": b"Ice.\n", "p.pdf": out.getvalue()})
    assert only(house.ingest(), uri("p.pdf")).code == "encrypted"
    passwords = house.root / "passwords"
    passwords.write_text("wrong\n")
    for _ in range(2):
        report = with_settings(house, password_file=passwords)
        assert only(report, uri("p.pdf")).code == "wrong_password"
        assert only(report, uri()).outcome == only(report, uri("a.txt")).outcome == "unchanged"
    passwords.write_text("wrong\nsecret\n")
    report = with_settings(house, password_file=passwords)
    assert only(report, uri("p.pdf")).code in {"empty", "no_text_layer"}  # the page is blank


def test_records_in_attachments_have_ids_of_their_own(house: House) -> None:
    """Two mails with the same records do not take them from each other, nor from a file."""
    lines = b'{"id": "k", "text": "Ice."}\n{"id": "l", "text": "Snow."}\n'
    for name in ("m.eml", "n.eml"):
        (house.docs / name).write_bytes(mail("x", {"r.jsonl": lines}).as_bytes())
    (house.docs / "r.jsonl").write_bytes(lines)
    report = house.ingest()
    assert report.exit_status() == 0
    assert sorted(house.texts().values()).count("Ice.") == 3
    assert uri("r.jsonl~k", "docs/n.eml") in house.texts()
    put(house, {"r.jsonl": b'{"id": "k", "text": "Ice."}\nbroken\n'})
    report = house.ingest()
    assert only(report, uri("r.jsonl~k")).outcome == "unchanged"
    assert "line 2" in (only(report, f"{uri('r.jsonl')} line 2").message or "")
    assert house.texts()[uri("r.jsonl~l")] == "Snow."


def test_mails_in_mails(house: House) -> None:
    """A forwarded mail is a document, and so is what was attached to it."""
    outer = mail("Forwarded.")
    outer.add_attachment(mail("Inner words.", {"a.txt": b"Deep.\n"}, subject="Inner"))
    (house.docs / "m.eml").write_bytes(outer.as_bytes())
    house.ingest()
    texts = house.texts()
    assert len(texts) == 3
    assert "Inner words." in texts[uri("Inner.eml")]
    (deep,) = (key for key, text in texts.items() if text == "Deep.\n")
    assert deep.startswith(uri("Inner.eml~"))
    assert set(outcomes(house.ingest()).values()) == {"unchanged"}


def test_deleting_a_mail_takes_what_is_attached_with_it(house: House) -> None:
    """An attachment can be deleted alone; the mail is deleted with all of them."""
    put(house, PARTS)
    house.ingest()
    with house.collection() as opened, opened.write() as writer:
        part = house.stored()[uri("a.txt")].document_id
        writer.erase([part])
        assert {document.uri for document in writer.known_file("docs", uri())} == {
            uri(), uri("b.csv"),
        }  # fmt: skip
        whole = document_id_for(uri())
        writer.erase([whole, house.stored()[uri("b.csv")].document_id])
        with pytest.raises(DocumentNotFound):
            writer.erase([whole])
    assert house.stored() == {}
    assert outcomes(house.ingest())[uri("a.txt")] == "added"


def upload(house: House, attached: dict[str, bytes], key: str, title: str = "") -> dict[str, str]:
    """Upload the mail with an id and return each item's outcome."""
    made = mail("Words.", attached).as_bytes().decode("ascii")
    report = house.upload(made, "m.eml", document_id=key, title=title or None)
    return dict(outcomes(report))


def test_an_uploaded_mail_is_replaced_as_a_whole(house: House) -> None:
    """Its title is the one given, that of an attachment its own; another id is another mail."""
    file = "upload:m.eml"
    first = upload(house, PARTS, key="north", title="Given")
    assert first == dict.fromkeys([file, uri("a.txt", file), uri("b.csv", file)], "added")
    stored = house.stored()
    assert (stored[file].document_id, stored[file].title) == ("north", "Given")
    assert stored[uri("a.txt", file)].title == "a"
    south = f"{file}#south"
    assert upload(house, {"a.txt": b"Sand.\n"}, key="south") == {
        south: "added", uri("a.txt", south): "added",
    }  # fmt: skip
    again = upload(house, {"a.txt": b"Ice melts.\n"}, key="north")
    assert again == {file: "updated", uri("a.txt", file): "updated", uri("b.csv", file): "removed"}
    assert {south, uri("a.txt", south)} <= set(house.texts())


def test_an_upload_again_leaves_others_of_its_name(house: House) -> None:
    """Plain files of one name that were told apart by ids stay apart when one comes again."""
    house.upload("Ice.", "report.txt", document_id="north")
    house.upload("Sand.", "report.txt", document_id="south")
    house.upload("Ice melts.", "report.txt", document_id="north")
    assert sorted(house.texts().values()) == ["Ice melts.", "Sand."]
