//! The nine clients: three generations of socket.io-client, each over WebSocket, polling, and polling that upgrades.

/// Gives the nine clients to a macro, each as `name: generation over transport;`.
macro_rules! every_client {
    ($tests:ident) => {
        $tests! {
            v2_websocket: "2" over "websocket";
            v2_polling: "2" over "polling";
            v2_upgraded: "2" over "upgraded";
            v3_websocket: "3" over "websocket";
            v3_polling: "3" over "polling";
            v3_upgraded: "3" over "upgraded";
            v4_websocket: "4" over "websocket";
            v4_polling: "4" over "polling";
            v4_upgraded: "4" over "upgraded";
        }
    };
}

pub(crate) use every_client;
