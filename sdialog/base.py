"""Published import path of the base of personas and contexts."""

from __future__ import annotations

from sdialog.core.attributes import AttributeModel as BaseAttributeModel
from sdialog.core.attributes import Metadata

__all__ = ["BaseAttributeModel", "Metadata"]
