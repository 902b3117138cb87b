"""The live engine, its server and its clients; never imports torch."""
