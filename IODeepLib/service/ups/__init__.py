"""Jobs as unified procedure steps (PS3.4 annex CC): others schedule work, and see what is done."""
