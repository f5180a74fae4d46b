"""Pictures of rooms: a plan seen from above, and a view in perspective."""
