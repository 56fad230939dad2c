//! Values as they are written on the command line.

use std::net::IpAddr;

use ipnet::IpNet;

/// A limit of 0 would refuse every client.
pub(super) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("write a whole number from 1 on, as in 1048576".to_owned()),
    }
}

/// An address is a network of one.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "write it as 10.0.0.7 or 10.0.0.0/8".to_owned())
}
