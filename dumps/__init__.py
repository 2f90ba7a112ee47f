"""The raw messages of guests' sessions, kept in files of the form that their own tools read."""
