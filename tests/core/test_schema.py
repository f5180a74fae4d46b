from __future__ import annotations

from core.strategies import dialogs
from hypothesis import given

from sdialog.core.schema import dialog_schema, schema_text


def test_the_schema_file_is_up_to_date(root):
    written = (root / "docs" / "dialog.schema.json").read_text(encoding="utf-8")
    assert written == schema_text(), "run: python -m sdialog.core.schema > docs/dialog.schema.json"


@given(dialogs)
def test_every_dialog_has_the_keys_of_the_schema_in_its_order(dialog):
    assert list(dialog.json()) == list(dialog_schema()["properties"])
