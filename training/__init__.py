"""How the embedded model is made: corpus grammar, tokenizer, trainer, evaluation. Not part of the package."""
