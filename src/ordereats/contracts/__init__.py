"""What services say to one another and to the world: types, and rules that two of them apply.

Imports nothing of ours.
"""
