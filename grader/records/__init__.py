"""What a grading is told and answers, as frozen records; nothing here computes a grade."""
