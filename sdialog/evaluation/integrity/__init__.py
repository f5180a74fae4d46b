"""Faults of role integrity: places where a simulated speaker falls out of the role it plays. No model is needed."""
