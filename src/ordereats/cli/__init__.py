"""The command line: one program for everything that one does to OrderEats."""
