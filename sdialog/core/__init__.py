"""The data model and its plain machinery: standard library and pydantic only."""
