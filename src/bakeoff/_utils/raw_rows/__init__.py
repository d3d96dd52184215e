"""Rows as a source has them, turned into rows that a pipeline can be fitted on, in training and when it predicts.

The transformer stands in front of a logged model, which is loaded where Bakeoff is not installed. So it is pickled by
value, with everything in this package that it uses, and the package imports pandas and numpy alone. Its modules import
names of each other, and no modules.
"""
