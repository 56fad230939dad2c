//! The stories that the tests tell, one file each: a real server, real clients.

mod support;

mod status;
