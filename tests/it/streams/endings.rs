//! How streams end that do not come to their end.
