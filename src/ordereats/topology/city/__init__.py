"""An invented city on real streets, to try a platform on through its public API."""
