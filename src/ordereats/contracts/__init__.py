"""What services say to one another and to the world: types only. Imports nothing of ours."""
