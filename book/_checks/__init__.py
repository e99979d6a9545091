"""A check for every labelled equation of the book; a module here for each chapter there."""
