//! A node behind nginx, HAProxy and Caddy that speak TLS and HTTP/2 to clients, below a prefix that they strip and one that they keep.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use super::balancers::{port, start};
use crate::support::{Program, node};

const NGINX: &str = r#"
events {}
http {
    access_log off;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    server {
        listen 127.0.0.1:PORT ssl http2;
        ssl_certificate CERTIFICATE;
        ssl_certificate_key CERTIFICATE;
        proxy_http_version 1.1;
        proxy_read_timeout 15s;
        proxy_send_timeout 15s;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        location /app/ { proxy_pass http://127.0.0.1:NODE/; }
        location /kept/ { proxy_pass http://127.0.0.1:NODE; }
    }
}
"#;

const HAPROXY: &str = r"
defaults
    mode http
    timeout connect 15s
    timeout client 15s
    timeout server 15s
    timeout tunnel 15s
    option forwardfor
frontend web
    bind 127.0.0.1:PORT ssl crt CERTIFICATE alpn h2,http/1.1
    http-request set-header X-Forwarded-Proto https
    http-request replace-path /app/(.*) /\1
    default_backend updraft
backend updraft
    server node 127.0.0.1:NODE
";

const CADDY: &str = r"
{
	admin off
	auto_https disable_redirects
}
https://127.0.0.1:PORT {
	bind 127.0.0.1
	tls CERTIFICATE CERTIFICATE
	handle_path /app/* {
		reverse_proxy 127.0.0.1:NODE
	}
	handle /kept/* {
		reverse_proxy 127.0.0.1:NODE
	}
}
";

/// A certificate of its own and its key, in one file that the proxies may read as `nobody`.
fn certificate() -> tempfile::NamedTempFile {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), own.cert.pem() + &own.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();
    file
}

/// Its pings keep what is quiet from the proxies' time-outs.
fn node_behind_a_proxy() -> Program {
    Program::start(&[
        "--path",
        "/socket.io,/kept/socket.io",
        "--trusted-proxies",
        "127.0.0.1",
        "--ping-interval",
        "1s",
        "--ping-timeout",
        "1h",
    ])
}

#[test]
fn clients_of_each_generation_come_by_proxies_that_speak_tls_and_strip_or_keep_a_prefix() {
    let certificate = certificate();
    std::thread::scope(|scope| {
        let proxies = [
            ("nginx", NGINX, 31_000),
            ("haproxy", HAPROXY, 31_200),
            ("caddy", CADDY, 31_400),
        ];
        for (program, config, mut ports) in proxies {
            let certificate = certificate.path().to_str().unwrap();
            scope.spawn(move || {
                let server = node_behind_a_proxy();
                let (_, own) = server.url.rsplit_once(':').unwrap();
                let listens = port(&mut ports);
                let config = config
                    .replace("PORT", &listens.to_string())
                    .replace("NODE", own)
                    .replace("CERTIFICATE", certificate);
                let _proxy = start(program, &config, listens);
                let url = format!("https://127.0.0.1:{listens}");
                node("proxied.mjs", &[&url, "/app/socket.io", "/kept/socket.io"]);
                server.signal("TERM");
                let (_, said) = server.wait();
                assert!(
                    said.contains("set --allowed-origins https://another.example"),
                    "{program}: {said}"
                );
            });
        }
    });
}
