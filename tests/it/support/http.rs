//! HTTP by hand, one connection at a time.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use super::PATIENCE;

pub(crate) struct Http(BufReader<TcpStream>);

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// As `name: value`, names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Http {
    /// Connects to the server at `url` and says nothing yet.
    pub(crate) fn open(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("an address");
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Self(BufReader::new(stream))
    }

    /// Asks for one path on a connection of its own.
    pub(crate) fn get(url: &str, path: &str, headers: &[&str]) -> Response {
        Self::open(url).ask("GET", path, headers)
    }

    /// Asks and leaves the connection open.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[&str]) -> Response {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        for header in headers {
            request += &format!("{header}\r\n");
        }
        self.write(&format!("{request}\r\n"));
        self.response()
    }

    /// The status that the server answers with; `None` where it closes the connection first.
    pub(crate) fn try_ask(&mut self, path: &str) -> Option<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).ok()?;
        let mut line = String::new();
        self.0.read_line(&mut line).ok()?;
        line.split(' ').nth(1)?.parse().ok()
    }

    pub(crate) fn write(&mut self, text: &str) {
        self.0
            .get_mut()
            .write_all(text.as_bytes())
            .expect("the server reads");
    }

    /// Writes as far as the server reads: it may answer, and close, before all is there.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    pub(crate) fn response(&mut self) -> Response {
        let status = self.line();
        let status = status
            .split(' ')
            .nth(1)
            .expect("a status")
            .parse()
            .expect("a number");
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
                None => break,
            }
        }
        let mut response = Response {
            status,
            headers,
            body: String::new(),
        };
        let length = response
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("the whole body");
        response.body = String::from_utf8(body).expect("UTF-8");
        response
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// What still comes until the server closes the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0
            .read_to_string(&mut rest)
            .expect("the server closes the connection");
        rest
    }
}
