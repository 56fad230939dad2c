//! The release binary carries the demo's page: it is compiled anew when the page was built anew.

use std::path::Path;

fn main() {
    // A path that is missing would count as changed each time.
    let page = match Path::new("client-demo/dist").exists() {
        true => "client-demo/dist",
        false => "client-demo",
    };
    println!("cargo::rerun-if-changed={page}");
}
