"""The entailment network: layers on top of a reader's, against the same by PyTorch."""

from pathlib import Path

import pytest
import torch

from indexes.errors import ModelMissing
from indexes.network import WEIGHTS, EntailmentNetwork, PairNetwork
from small_reader import MAX_TOKENS, tokenizer, write_small_reader
from training.encoder import plain_tokenizer, source_folder
from training.entailment_model import EntailmentModel, Lower
from training.entailment_network import write_entailment
from training.manifest import write_manifest
from training.reader_model import ReaderModel
from training.reader_weights import reader_weights

READER = Path(__file__).parent.parent / "service" / "models" / "reader"
CLAIM = "The lamp at Gull Point was lit in 1859."
TEXTS = ["In 1859 they lit the lamp.", "", "Ferries sail at 9:15, daily. " * 40, "One."]


def inputs(claim: str, text: str) -> dict[str, torch.Tensor]:
    """Return one pair's inputs, tokens counted by hand."""
    encoding = tokenizer()
    encoding.enable_truncation(MAX_TOKENS, strategy="only_second")
    one = encoding.encode(claim, text)
    return {
        "input_ids": torch.tensor([one.ids]),
        "attention_mask": torch.tensor([one.attention_mask]),
        "token_type_ids": torch.tensor([one.type_ids]),
    }


def test_both_parts_are_the_whole_network() -> None:
    """Before any training, the layers on the embeddings say what the reader itself says."""
    torch.manual_seed(3)
    reader = ReaderModel(source_folder()).eval()
    one = inputs(CLAIM, TEXTS[0])
    upper, lower = EntailmentModel(reader).eval(), Lower(reader)
    with torch.no_grad():
        expected = reader(**one)[0][0, 1]
        found = upper(lower(**one), one["attention_mask"])[0, 0]
    assert float(found) == pytest.approx(float(expected), abs=1e-5)


def test_padding_changes_nothing() -> None:
    """What the mask leaves out is not looked at."""
    reader = ReaderModel(source_folder()).eval()
    one = inputs(CLAIM, TEXTS[0])
    longer = {name: torch.nn.functional.pad(x, (0, 9)) for name, x in one.items()}
    upper, lower = EntailmentModel(reader).eval(), Lower(reader)
    with torch.no_grad():
        found = [float(upper(lower(**x), x["attention_mask"])) for x in (one, longer)]
    assert found[0] == pytest.approx(found[1], abs=1e-4)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, EntailmentModel, Lower]:
    """Return a tiny reader with an entailment network on its embeddings."""
    folder = tmp_path_factory.mktemp("entailment")
    reader = write_small_reader(folder / "reader", layers=2)
    model, lower = EntailmentModel(reader), Lower(reader)
    samples = [
        {name: x.numpy() for name, x in inputs(CLAIM, text).items()} for text in TEXTS if text
    ]
    write_entailment(model, lower, samples, folder / "network", folder / "reader")
    return folder, model, lower


def test_it_says_what_the_model_says(small: tuple[Path, EntailmentModel, Lower]) -> None:
    """Texts of any length, in the order given; eight bits a number cost a little."""
    folder, model, lower = small
    network = EntailmentNetwork(folder / "network", folder / "reader")
    for claim in (CLAIM, "It was.", "The lamp " * 60):
        found = network.run(claim, TEXTS)
        assert found == pytest.approx(
            [expected(model, lower, claim, text) for text in TEXTS], abs=0.05
        )
    assert network.run(CLAIM, []) == []


def expected(model: EntailmentModel, lower: Lower, claim: str, text: str) -> float:
    """Return what PyTorch says of a claim, of which half of the tokens are kept at most."""
    encoding = tokenizer().encode(claim, add_special_tokens=False)
    kept = claim[: encoding.offsets[MAX_TOKENS // 2 - 1][1]] if len(encoding.ids) > 32 else claim
    one = inputs(kept, text)
    with torch.no_grad():
        return float(model(lower(**one), one["attention_mask"]))


def test_other_weights_below_are_refused(
    small: tuple[Path, EntailmentModel, Lower], tmp_path: Path
) -> None:
    """Layers that were trained on others would say anything."""
    folder, _, _ = small
    write_small_reader(tmp_path / "reader", layers=2)
    weights = tmp_path / "reader" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    about = {"name": "other", "dimension": 32, "max_tokens": MAX_TOKENS}
    names = ("model.xml", WEIGHTS, "tokenizer.json")
    write_manifest(tmp_path / "reader", about, names)
    with pytest.raises(ModelMissing, match="belongs to other weights than"):
        EntailmentNetwork(folder / "network", tmp_path / "reader")


def test_the_readers_weights_come_back_from_its_network() -> None:
    """What the int8 network was made of says, in floats, nearly what the network says."""
    reader = ReaderModel(source_folder())
    reader.load_state_dict(reader_weights(READER))
    reader.eval()
    network = PairNetwork(READER)
    encoding = plain_tokenizer(source_folder())
    question = "When was the lamp lit?"
    for text in ("The lamp was lit in 1859.", "The ferry sails at 9:15.", "The lamp broke."):
        one = encoding.encode(question, text)
        with torch.no_grad():
            pair, _ = reader(
                *(torch.tensor([x]) for x in (one.ids, one.attention_mask, one.type_ids))
            )
        (found,) = network.run(question, [text])
        assert (found.relevance, found.answers) == pytest.approx(
            (float(pair[0, 0]), float(pair[0, 1])), abs=0.9
        )
