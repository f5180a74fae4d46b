"""What stands behind the published pipeline: its steps, over the same stages as ``to_audio``."""
