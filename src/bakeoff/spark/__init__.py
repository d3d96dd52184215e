"""Spark sessions, and the Java that they need."""
