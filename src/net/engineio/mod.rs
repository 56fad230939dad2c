//! Engine.IO, protocols 3 (2.x clients) and 4: `packet`s, the `payload`s that carry several of them over polling, `jsonp`
//! for those who poll by script, and what a session begins with in `open`.

pub(crate) mod jsonp;
pub(crate) mod open;
pub(crate) mod packet;
pub(crate) mod payload;
