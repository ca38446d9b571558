//! Longer stories: how Wayfare works and why.
