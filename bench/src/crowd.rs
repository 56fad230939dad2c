//! Many clients at once.

/// Runs each client, by its number, in a task of its own; what each of them found, in their order. In one task together they
/// would share its turns, and some would not have theirs for as long as others have something to do.
pub(crate) async fn each<C, T, F>(clients: &mut Vec<C>, run: impl Fn(usize, C) -> F) -> Vec<T>
where
    T: Send + 'static,
    C: Send + 'static,
    F: Future<Output = (C, T)> + Send + 'static,
{
    let one = |(number, client)| tokio::spawn(run(number, client));
    let running: Vec<_> = clients.drain(..).enumerate().map(one).collect();
    let mut found = Vec::new();
    for client in running {
        let (client, result) = client.await.expect("a client to the end");
        clients.push(client);
        found.push(result);
    }
    found
}
