"""What is done to the stores, and must hold: every kind of fault, with how often it is tried.

A module here is a group of faults, in its ``FAULTS``. The suite tries each a few times (`test_trust.py`);
``python -m tests.trust`` tries them in full and writes ``docs/trust.md``.
"""
