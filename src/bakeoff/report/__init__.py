"""What a person reads when a run is over: sentences, plots and one HTML page, from plain data."""
