"""Text as it is read aloud, and the way back from the words that are said to the tokens of the dialog."""

from sdialog.audio.speech_text.reading import plain, read
from sdialog.audio.speech_text.spoken import Draft, Piece, SpokenText, aligned, by_token

__all__ = ["Draft", "Piece", "SpokenText", "aligned", "by_token", "plain", "read"]
