//! TLS to the database: by a certificate that the node believes, and by no other.

use std::{path::Path, process::Stdio};

use tokio::task::block_in_place;

use super::{programs::card, wait_for};
use crate::{
    support::{PATIENT, PostgresServer, Program, RawClient, updraft_with},
    tls::Pair,
};

#[test]
fn a_node_believes_the_certificate_that_it_was_given_and_no_other() {
    wait_for(async {
        let (pair, other) = (Pair::new(), Pair::new());
        let files = Path::new(&pair.cert).parent().unwrap();
        let settings = "-c ssl=on -c ssl_cert_file=../cert.pem -c ssl_key_file=../key.pem \
            -c listen_addresses=127.0.0.1,127.0.0.2";
        let server = block_in_place(|| PostgresServer::start_beside(files, settings));
        let database = block_in_place(|| server.database());
        let url = |host: &str, mode: &str| {
            let (port, name) = (database.port(), database.name());
            format!("postgres://postgres@{host}:{port}/{name}{mode}")
        };

        let refused = [
            (&other.cert, url("localhost", "?sslmode=require")),
            // Where the server offers it, it is taken, and checked all the same.
            (&other.cert, url("localhost", "")),
            // It is of 127.0.0.1 and localhost.
            (&pair.cert, url("127.0.0.2", "?sslmode=require")),
        ];
        for (certificate, url) in refused {
            let variables = [
                ("SSL_CERT_FILE", certificate.as_str()),
                ("UPDRAFT_DATABASE", &url),
            ];
            let (is_up, _, said) = block_in_place(|| updraft_with(&variables, &["serve", "--port", "0"], ""));
            assert!(!is_up && said.contains("certificate"), "{url}: {said}");
        }

        for (number, mode) in ["?sslmode=require", ""].into_iter().enumerate() {
            let url = url("localhost", mode);
            let variables = [("SSL_CERT_FILE", pair.cert.as_str()), ("UPDRAFT_DATABASE", &url)];
            let node = block_in_place(|| Program::start_on(Stdio::null(), &variables, &PATIENT));
            let answer = RawClient::connect(&node.url).await.call(&card(number)).await;
            assert!(answer["error"].is_null(), "{answer}");
            let encrypted =
                "SELECT count(*) > 1 AND bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                WHERE datname = current_database() AND application_name = 'updraft'";
            assert_eq!(block_in_place(|| database.psql(encrypted)), "t");
        }
    });
}
