"""What a run is worth: measures, what it must beat, and the tables that say so."""
