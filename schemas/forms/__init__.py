"""The tables' declarations, and the forms derived from them: Arrow, `datasets`, JSON Schema, the data dictionary.

`column` says what a declaration is, `vocabularies` and `definitions` declare; every other module derives one form.
"""
